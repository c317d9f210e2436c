import type { Judgement, Policy, RunReport } from '../cron-types.js';
import { errorPage } from './error-page.js';
import { asksForOutput, isSilent, outputProblem } from './output-rule.js';

const LONGEST_REASON = 1500;

export interface VerdictFacts {
  readonly report: RunReport;
  readonly policy: Pick<Policy, 'output'>;
  /** We asked for its end: whatever its source calls it, it was killed. */
  readonly killed: boolean;
  /** It had run past its limit when it ended: that is why; else somebody has asked for its end by hand. */
  readonly past_limit: boolean;
  /** Whether the run was seen to begin: only then its duration says something. */
  readonly timed: boolean;
  /** The output is an answer, as an agent's: a program that says nothing and ends with 0 has done well, and may write of errors. */
  readonly hasOutput: boolean;
}

/**
 * What a run came to. It succeeded where its source says so, nothing of it failed afterwards, it put something out, its output is
 * what its rule asks for and no error page, and it did not end at its source's own limit. Old OpenClaw gateways call timeouts, HTTP
 * errors of the model provider, aborted runs and empty answers `ok` (2026.2.2-3, measured).
 */
export function judgeRun({ report, policy, killed, past_limit: late, timed, hasOutput }: VerdictFacts): Judgement {
  if (killed) {
    const reason = late ? 'it was ended because it took too long' : 'it was ended because somebody has asked for it';
    return { verdict: 'killed', code: 'killed', reason };
  }
  const { word, completion, output, error, error_kind: kind, delivery } = report;
  if (word === 'skipped') return failed('skipped', `its source skipped it${error === null ? '' : `: ${error}`}`);
  if (word === 'error') return failed(errorCode(report), error ?? (kind === null ? 'its source gives no reason' : kind));
  const atLimit = timed && report.timeout_ms !== null && report.timeout_ms > 0 && durationOf(report) >= report.timeout_ms;
  if (atLimit) return failed('timeout', `it ran into its own limit of ${(report.timeout_ms ?? 0) / 1000} s, and was called ok`);
  if (completion === 'failed') {
    return delivery === 'not-delivered'
      ? failed('not-delivered', `its result was not delivered${error === null ? '' : `: ${error}`}`)
      : failed('not-completed', error ?? 'its source says that not all of it was done');
  }
  if (report.exit_code !== null && report.exit_code !== 0) return failed('exit-code', `exit code ${report.exit_code}`);
  if (isSilent(output)) {
    const mayBe = policy.output.may_be_empty ?? (!hasOutput && !asksForOutput(policy.output));
    return mayBe ? succeeded() : failed('empty-output', 'it was called ok and has put nothing out');
  }
  const text = output ?? '';
  const disguised = hasOutput ? errorPage(text) : undefined;
  if (disguised !== undefined)
    return failed('error-page', `it was called ok, and its output is none: ${disguised}: ${text.trim()}`);
  const lacking = outputProblem(policy.output, text);
  return lacking === undefined ? succeeded() : failed('output-rule', `its output is not what it should be: ${lacking}`);
}

/** How long a run took, ms. */
export function durationOf({ started_at, ended_at }: Pick<RunReport, 'started_at' | 'ended_at'>): number {
  return Math.max(0, ended_at - started_at);
}

function errorCode({ error, error_kind: kind, exit_code: exit }: RunReport): string {
  if (/interrupted/i.test(error ?? '')) return 'interrupted';
  if (kind === 'timeout' || /\btimed? ?out\b/i.test(error ?? '')) return 'timeout';
  return exit !== null && exit !== 0 ? 'exit-code' : 'source-error';
}

function failed(code: string, reason: string): Judgement {
  return { verdict: 'failed', code, reason: reason.slice(0, LONGEST_REASON) };
}

function succeeded(): Judgement {
  return { verdict: 'succeeded', code: 'ok', reason: 'its source says so, and its output is what it should be' };
}
