import { initialLevelState } from './level.js';
import { stepReports } from './level-report.js';
import type { KnownLevel, Level, LevelReport, LevelState, MetricState, ReportState } from './level-types.js';

/**
 * Accepts what an earlier run saved (any JSON value) and goes on from there: the level and the level of each metric are
 * kept and not announced again; streaks start anew, because nobody looked meanwhile; and sight has the usual three
 * intervals to return before `unknown`. What is not a saved state gives the initial one.
 */
export function restoreLevelState(saved: unknown, now: number): LevelState {
  if (!isRecord(saved) || !isLevel(saved.level) || !isRecord(saved.metrics)) return initialLevelState(now);
  const metrics: { [metric: string]: MetricState } = {};
  for (const [name, value] of Object.entries(saved.metrics)) {
    if (!isMetricName(name) || !isRecord(value) || !isKnownLevel(value.level)) continue;
    metrics[name] = { level: value.level, lastReading: null, seenAt: now, above: {}, calm: {} };
  }
  const since = typeof saved.since === 'number' ? Math.min(saved.since, now) : now;
  return {
    level: saved.level,
    since,
    metrics,
    reports: stepReports(restoreReports(saved.reports), null, Number.POSITIVE_INFINITY, now),
  };
}

/** Whether a restart would go on at the same levels from both: other readings, streaks and newer reports of the same need no saving at once. */
export function restoresAlike(one: LevelState, other: LevelState): boolean {
  const { level, since, metrics, reports } = one;
  const names = Object.keys(metrics);
  return (
    level === other.level &&
    since === other.since &&
    names.length === Object.keys(other.metrics).length &&
    names.every((name) => metrics[name]?.level === other.metrics[name]?.level) &&
    reports.length === other.reports.length &&
    reports.every((report, index) => saysAlike(report, other.reports[index]))
  );
}

function saysAlike(one: ReportState, other: ReportState | undefined): boolean {
  const { level, latest, calmSince } = one;
  const isSame = level === other?.level && latest.level === other.latest.level && latest.source === other.latest.source;
  return isSame && (calmSince === null) === (other.calmSince === null);
}

function restoreReports(saved: unknown): ReportState[] {
  if (!Array.isArray(saved)) return [];
  return saved.flatMap((value: unknown): ReportState[] => {
    if (!isRecord(value) || !isKnownLevel(value.level) || typeof value.expiresAt !== 'number' || !isReport(value.latest))
      return [];
    const calmSince = typeof value.calmSince === 'number' ? value.calmSince : null;
    return [{ level: value.level, expiresAt: value.expiresAt, latest: value.latest, calmSince }];
  });
}

function isReport(value: unknown): value is LevelReport {
  if (!isRecord(value) || !isKnownLevel(value.level)) return false;
  return typeof value.at === 'number' && typeof value.expiresAt === 'number' && typeof value.source === 'string';
}

function isMetricName(name: string): boolean {
  return name === 'cpu' || name === 'ram' || name.startsWith('disk:');
}

function isKnownLevel(value: unknown): value is KnownLevel {
  return value === 'normal' || value === 'warn' || value === 'critical' || value === 'emergency';
}

function isLevel(value: unknown): value is Level {
  return value === 'unknown' || isKnownLevel(value);
}

function isRecord(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
