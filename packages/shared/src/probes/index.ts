export { expectationOf } from './decide/check-expectation.js';
export type { CheckResult, SureOutcome } from './decide/check-result.js';
export { errorWords } from './error-words.js';
export { openProbe } from './open-probe.js';
export { type ConnectionListener, OpenClawConnection } from './openclaw-connection.js';
export { type GatewayEvent, type GatewayHello, GatewayRefusal } from './openclaw-frames.js';
export { examine, type Probe, type ProbeDeps } from './probe.js';
export { probeOnce } from './probe-once.js';
