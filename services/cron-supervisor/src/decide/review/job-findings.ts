import { failureFinding } from './failure-findings.js';
import type { Finding } from './finding.js';
import type { JobHistory, ReviewWindow } from './history.js';
import { missedFinding } from './missed-findings.js';
import type { RuntimeChange } from './runtime-change.js';
import { runtimeFinding } from './runtime-findings.js';
import { silentFinding } from './silent-findings.js';

/** What is found of a job by itself, and not beside others. */
export function jobFindings(history: JobHistory, change: RuntimeChange, window: ReviewWindow): readonly Finding[] {
  return [
    runtimeFinding(history, change),
    failureFinding(history, window),
    missedFinding(history, window),
    silentFinding(history, window),
  ].filter((found) => found !== undefined);
}
