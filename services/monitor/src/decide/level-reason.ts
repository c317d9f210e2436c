import { isOver, raisedLevels } from './level-order.js';
import { type LevelPolicy, policyOf, readingsByMetric } from './level-policy.js';
import { worstReport } from './level-report.js';
import type { KnownLevel, Level, LevelCause, LevelInput, LevelRule, LevelState, MetricName, MetricState } from './level-types.js';

/** Why a level changed: the cause, and one sentence that names metric, value, threshold and how long it lasted. */
export interface LevelReason {
  readonly cause: LevelCause;
  readonly reason: string;
  readonly rule: LevelRule;
}

const NOTHING = { reading: null, threshold: null, margin: null, forMs: null, readings: null };

/** Explains the change from `before.level` to `to`. Texts hold numbers and configured names only. */
export function explainChange(
  before: LevelState,
  after: Pick<LevelState, 'metrics' | 'reports'>,
  to: Level,
  input: LevelInput,
  policy: LevelPolicy,
  now: number,
): LevelReason {
  if (to === 'unknown') return blind(after, policy, now);
  const holder = holderOf(after, to);
  if (to !== 'normal' && holder !== null && isNotLower(before.level, to)) return raisedBy(holder, after, to, policy, now);
  if (before.level === 'unknown') {
    return {
      cause: 'sight',
      reason: `The host is seen again at ${to}: ${said(input)}.`,
      rule: { ...NOTHING, name: 'seen-again' },
    };
  }
  return lowered(before, after, to, policy, now, input);
}

function isNotLower(from: Level, to: KnownLevel): boolean {
  if (from === 'unknown' || from === 'normal') return true;
  return to !== 'normal' && raisedLevels.indexOf(to) > raisedLevels.indexOf(from);
}

function blind(after: Pick<LevelState, 'metrics'>, policy: LevelPolicy, now: number): LevelReason {
  const patience = policy.intervalMs * policy.blindAfterIntervals;
  const unseen = (['cpu', 'ram'] as const).filter((name) => {
    const state = after.metrics[name];
    return state === undefined || state.level === null || now - state.seenAt > patience;
  });
  const names = unseen.map(title).join(' and ');
  return {
    cause: 'blind',
    reason: `No clear ${names} reading for ${policy.blindAfterIntervals} intervals (${patience} ms) and no valid report.`,
    rule: { ...NOTHING, name: 'blind', forMs: patience },
  };
}

function holderOf(state: Pick<LevelState, 'metrics' | 'reports'>, level: KnownLevel): MetricName | 'report' | null {
  const metric = Object.entries(state.metrics).find(([, each]) => each.level === level)?.[0];
  if (metric !== undefined) return metric as MetricName;
  return worstReport(state.reports)?.level === level ? 'report' : null;
}

function raisedBy(
  holder: MetricName | 'report',
  after: Pick<LevelState, 'metrics' | 'reports'>,
  to: Exclude<KnownLevel, 'normal'>,
  policy: LevelPolicy,
  now: number,
): LevelReason {
  if (holder === 'report') {
    const reason = `${worstReport(after.reports)?.source ?? 'A report'} reports ${to}.`;
    return { cause: 'report', reason, rule: { ...NOTHING, name: 'reported' } };
  }
  const state = after.metrics[holder];
  const bound = policyOf(holder, policy).bounds[to];
  const reading = state?.lastReading ?? null;
  if (state === undefined || bound === undefined || reading === null || !isOver(reading, bound)) {
    const reason = `${title(holder)} is still held at ${to} until it has been calm.`;
    return { cause: holder, reason, rule: { ...NOTHING, name: 'held', reading, threshold: bound?.at ?? null } };
  }
  const streak = state.above[to];
  const side = bound.exclusive ? 'above' : 'at or above';
  const forMs = now - (streak?.since ?? now);
  const readings = streak?.samples ?? 1;
  return {
    cause: holder,
    reason: `${title(holder)} is at ${percent(reading)}, ${side} the ${to} threshold of ${bound.at} %, for ${forMs} ms (${counted(readings)}).`,
    rule: { name: 'entered', reading, threshold: bound.at, margin: null, forMs, readings },
  };
}

function lowered(
  before: LevelState,
  after: Pick<LevelState, 'metrics'>,
  to: KnownLevel,
  policy: LevelPolicy,
  now: number,
  input: LevelInput,
): LevelReason {
  const from = before.level;
  const holder = from === 'unknown' || from === 'normal' ? null : holderOf(before, from);
  if (holder === 'report') {
    const reason = `No report says ${from} any longer; own readings: ${said(input)}.`;
    return { cause: 'report', reason, rule: { ...NOTHING, name: 'no-longer-reported' } };
  }
  const state: MetricState | undefined = holder === null ? undefined : after.metrics[holder];
  // A bound that is none any more: the configuration has changed, or a quota has come to bind us.
  const bounds = holder === null ? {} : policyOf(holder, policy, input.sample?.cpuOfQuota).bounds;
  if (holder === null || state === undefined || from === 'unknown' || from === 'normal' || bounds[from] === undefined) {
    const reason = `Nothing holds ${from} any longer; own readings: ${said(input)}.`;
    return { cause: 'sight', reason, rule: { ...NOTHING, name: 'left' } };
  }
  const metric = policyOf(holder, policy);
  const below = (metric.bounds[from]?.at ?? 0) - metric.margin;
  const calm = state.calm[from];
  const reading = state.lastReading === null ? 'no reading' : percent(state.lastReading);
  const forMs = now - (calm?.since ?? now);
  const readings = calm?.samples ?? 1;
  const length = `for ${forMs} ms (${counted(readings)})`;
  const margin = `the ${from} threshold of ${metric.bounds[from]?.at} % less a margin of ${metric.margin}`;
  return {
    cause: holder,
    reason: `${title(holder)} is at ${reading}, below ${below} % (${margin}) ${length}; ${to} is entered.`,
    rule: {
      name: 'left',
      reading: state.lastReading,
      threshold: metric.bounds[from]?.at ?? null,
      margin: metric.margin,
      forMs,
      readings,
    },
  };
}

function title(metric: MetricName | 'cpu' | 'ram'): string {
  if (metric === 'cpu') return 'CPU';
  return metric === 'ram' ? 'RAM' : `Disk ${metric.slice('disk:'.length)}`;
}

function said(input: LevelInput): string {
  if (input.sample === null) return 'none';
  return readingsByMetric(input.sample)
    .map(([metric, reading]) => `${title(metric)} ${reading === null ? 'not read' : percent(reading)}`)
    .join(', ');
}

function percent(reading: number): string {
  return `${reading.toFixed(1)} %`;
}

function counted(samples: number): string {
  return samples === 1 ? '1 reading' : `${samples} readings`;
}
