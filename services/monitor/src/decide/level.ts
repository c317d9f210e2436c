import { stepMetric, unseenMetric } from './level-metric.js';
import { compareLevels, worseOf } from './level-order.js';
import { type LevelPolicy, policyOf, readingsByMetric } from './level-policy.js';
import { explainChange } from './level-reason.js';
import { stepReports, worstReport } from './level-report.js';
import type { KnownLevel, Level, LevelChange, LevelInput, LevelState, MetricState } from './level-types.js';

/** Where a monitor begins that has nothing saved: it knows nothing until both CPU and RAM were read clearly. */
export function initialLevelState(now: number): LevelState {
  return { level: 'unknown', since: now, metrics: {}, reports: [] };
}

/**
 * Decides the effective level from one sample (or its absence) and one report (or none). Design 4: the worse of what we
 * see and what is reported; entered when sustained, left after unbroken calm below the threshold less the margin, to
 * the level that the calm readings justify; `unknown` when nothing was read for three intervals and no report counts.
 * Missing data never lowers: while blind every metric keeps its level, and goes on from it when sight returns.
 *
 * `now` is epoch ms on the clock of the reports' expiry. A `change` is returned exactly when the effective level is
 * another than in `state`, so a restored state is not announced again.
 */
export function decideLevel(
  state: LevelState,
  input: LevelInput,
  policy: LevelPolicy,
  now: number,
): { state: LevelState; change?: LevelChange } {
  const blindAfterMs = policy.intervalMs * policy.blindAfterIntervals;
  const metrics = stepMetrics(state, input, policy, blindAfterMs, now);
  const reports = stepReports(state.reports, input.report ?? null, policy.reportCalmMs, now);
  const to = effectiveLevel(metrics, worstReport(reports)?.level ?? null, blindAfterMs, now);
  if (to === state.level) return { state: { ...state, metrics, reports } };
  const { cause, reason, rule } = explainChange(state, { metrics, reports }, to, input, policy, now);
  const readings = input.sample ?? { cpuPercent: null, ramPercent: null, disks: [] };
  return {
    state: { level: to, since: now, metrics, reports },
    change: { from: state.level, to, at: now, reason, readings, cause, rule },
  };
}

/** Since when (epoch ms) the readings of a metric have been over a bound without a break; null when they are not. */
export function overSince(state: LevelState, metric: 'cpu' | 'ram', level: 'warn' | 'critical' | 'emergency'): number | null {
  return state.metrics[metric]?.above[level]?.since ?? null;
}

function stepMetrics(
  state: LevelState,
  input: LevelInput,
  policy: LevelPolicy,
  blindAfterMs: number,
  now: number,
): { [metric: string]: MetricState } {
  if (input.sample === null) return { ...state.metrics };
  // Built from the sample alone: a mount that is no longer watched must not hold its level for ever.
  const metrics: { [metric: string]: MetricState } = {};
  const { cpuOfQuota } = input.sample;
  for (const [name, reading] of readingsByMetric(input.sample)) {
    const bounds = policyOf(name, policy, cpuOfQuota);
    metrics[name] = stepMetric(state.metrics[name] ?? unseenMetric, reading, bounds, blindAfterMs, now);
  }
  return metrics;
}

function effectiveLevel(
  metrics: { readonly [metric: string]: MetricState },
  reported: KnownLevel | null,
  blindAfterMs: number,
  now: number,
): Level {
  const own = Object.values(metrics).reduce<KnownLevel>((worst, metric) => worseOf(worst, metric.level ?? 'normal'), 'normal');
  if (reported !== null) return worseOf(own, reported);
  const unseen = [metrics.cpu, metrics.ram].filter(
    (metric) => metric === undefined || metric.level === null || now - metric.seenAt > blindAfterMs,
  ).length;
  if (unseen === 0) return own;
  // Half blind: what is seen to be bad is bad; what is seen to be good says nothing about the half that is not seen.
  return unseen === 1 && compareLevels(own, 'normal') > 0 ? own : 'unknown';
}
