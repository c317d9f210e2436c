export { expectationOf } from './decide/check-expectation.js';
export type { CheckResult, SureOutcome } from './decide/check-result.js';
export { errorWords } from './error-words.js';
export { openProbe } from './open-probe.js';
export { examine, type Probe, type ProbeDeps } from './probe.js';
export { probeOnce } from './probe-once.js';
