import { inWindow, type JobHistory, type ReviewedRun, type ReviewWindow, tellsRuntime } from './history.js';
import { counted, inWords } from './in-words.js';
import { quantile } from './order.js';
import type { Draft } from './proposal.js';
import type { RuntimeChange } from './runtime-change.js';

/** How overruns are judged: a run is at its limit after `factor` times what is expected, and never before `at_least_ms`. */
export interface LimitRules {
  readonly factor: number;
  readonly at_least_ms: number;
}

/** What is usual: as it is learned (`cron.learn`). */
const USUAL = 0.95;
const FEWEST_RUNS = 10;
const FEWEST_AFTER_STEP = 5;
/** Between the longest good run and the limit. */
const MARGIN = 1.25;
/** A run that has used so much of its limit was nearly ended. */
const NEARLY = 0.8;
/** Nobody is asked for less. */
const WORTH_MORE = 1.3;
/** What hangs is noticed late where three times too much is expected. */
const WORTH_LESS = 1 / 3;
const DAY_MS = 86_400_000;
const AHEAD_DAYS = 28;
const DRIFT_LOOKS_AT_DAYS = 14;

/**
 * What should be expected of a job, where that is far from what is seen, and the limit that its source should have. Neither is ever below
 * what every good run of the window needs, with a margin: no proposal puts a good run at risk of being ended.
 */
export function limitProposals(
  history: JobHistory,
  change: RuntimeChange,
  window: ReviewWindow,
  rules: LimitRules,
): readonly Draft[] {
  const facts = seen(history, change, window);
  if (facts === undefined) return [];
  const expected = expectedProposal(history, change, facts, rules);
  const expects = expected?.change.kind === 'expected' ? expected.change.expected_ms : history.policy.expected_ms;
  const timeout = expects === null ? undefined : timeoutProposal(history, facts, expects, rules);
  return [expected, timeout].filter((one) => one !== undefined);
}

interface Seen {
  /** What nearly all runs need by now, ms; of a job that becomes slower, what they will need in four weeks. */
  readonly usual: number;
  /** The longest good run of the window, ms. */
  readonly longest: number;
  readonly runs: number;
  readonly killed: number;
}

function seen({ runs }: Pick<JobHistory, 'runs'>, change: RuntimeChange, window: ReviewWindow): Seen | undefined {
  const all = inWindow(runs, window).filter(tellsRuntime);
  const good = all.filter(({ verdict }) => verdict === 'succeeded');
  const days =
    change.kind === 'step' ? change.days_ago : change.kind === 'drift' ? DRIFT_LOOKS_AT_DAYS : Number.POSITIVE_INFINITY;
  // Of a job that has become slower, what was ended is no hang: it needs that time, and more.
  const lately = (change.kind === 'none' ? good : all).filter(({ started_at }) => started_at >= window.to - days * DAY_MS);
  if (lately.length < (change.kind === 'step' ? FEWEST_AFTER_STEP : FEWEST_RUNS)) return undefined;
  const ahead = change.kind === 'drift' ? Math.min(2, (change.now_ms / change.before_ms) ** (AHEAD_DAYS / change.days_ago)) : 1;
  return {
    usual: quantile(lately.map(duration), USUAL) * ahead,
    longest: Math.max(0, ...good.map(duration)),
    runs: lately.length,
    killed: all.length - good.length,
  };
}

const duration = ({ duration_ms }: ReviewedRun) => duration_ms;

function expectedProposal(
  job: JobHistory,
  change: RuntimeChange,
  { usual, longest, runs }: Seen,
  { factor, at_least_ms }: LimitRules,
): Draft | undefined {
  const current = job.policy.expected_ms;
  // Without one it is learned as soon as enough runs are known.
  if (current === null) return undefined;
  // What is applied is given, and counts as it is: none is proposed that would be shorter than a learned limit may be.
  const wanted = roundUp(Math.max(usual, (longest * MARGIN) / factor, at_least_ms / factor));
  const given = job.policy.expected_from === 'given';
  const limit = given ? factor * current : Math.max(at_least_ms, factor * current);
  if (!given && factor * wanted <= at_least_ms) return undefined;
  const draft = (reason: string): Draft => ({
    job_id: job.job_id,
    job_name: job.name,
    current: inWords(current),
    proposed: inWords(wanted),
    reason,
    change: { kind: 'expected', expected_ms: wanted },
  });
  const most = `95 % of ${counted(runs, 'run')} take up to ${inWords(usual)}`;
  if (wanted >= current * WORTH_MORE) {
    if (change.kind === 'drift')
      return draft(`it becomes slower: in four weeks most runs take up to ${inWords(usual)}, and ${inWords(limit)} is the limit`);
    if (usual >= current * WORTH_MORE) return draft(`${most}, and ${inWords(current)} is expected`);
    if (longest >= limit * NEARLY)
      return draft(`a good run took ${inWords(longest)}, and would be ended after ${inWords(limit)}`);
  }
  // What is learned follows by itself.
  if (given && change.kind === 'none' && wanted <= current * WORTH_LESS)
    return draft(`${most}: one that hangs is noticed after ${inWords(limit)} only`);
  return undefined;
}

function timeoutProposal(
  job: JobHistory,
  { usual, longest, killed }: Seen,
  expected: number,
  { factor, at_least_ms }: LimitRules,
): Draft | undefined {
  const current = job.timeout_ms;
  const wanted = roundUp(Math.max(at_least_ms, factor * expected, longest * MARGIN, usual * MARGIN));
  const draft = (reason: string): Draft => ({
    job_id: job.job_id,
    job_name: job.name,
    current: current === null ? 'none' : inWords(current),
    proposed: inWords(wanted),
    reason,
    change: { kind: 'timeout', timeout_ms: wanted },
  });
  if (current === null)
    return killed === 0
      ? undefined
      : draft(`${counted(killed, 'run')} had to be ended from here: ${job.source} can do it by itself`);
  const needs = Math.max(usual, longest);
  if (needs < current * NEARLY || wanted <= current) return undefined;
  return draft(`runs need up to ${inWords(needs)}, and ${job.source} ends them after ${inWords(current)}`);
}

/** Up to a value that people would choose: whole seconds, 5 s from 10 s, 30 s from a minute, minutes from 10, 5 min from an hour. */
function roundUp(ms: number): number {
  const [, step] = STEPS.find(([below]) => ms < below) ?? STEPS[STEPS.length - 1] ?? [0, 1000];
  return Math.ceil(ms / step) * step;
}

const STEPS: readonly (readonly [below: number, step: number])[] = [
  [10_000, 1000],
  [60_000, 5000],
  [600_000, 30_000],
  [3_600_000, 60_000],
  [Number.POSITIVE_INFINITY, 300_000],
];
