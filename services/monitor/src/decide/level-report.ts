import { compareLevels, worseOf } from './level-order.js';
import type { KnownLevel, LevelReport, ReportState } from './level-types.js';

/** What each source of reports adds up to. */
export type Reports = readonly ReportState[];

/**
 * Takes a new report (or none) into account and lets time pass. A higher report counts at once; a lower one after
 * `calmMs` in which its source said nothing higher. Nothing counts past its expiry, and a report that arrives older
 * than the newest of its source is ignored.
 */
export function stepReports(reports: Reports, report: LevelReport | null, calmMs: number, now: number): Reports {
  const arrived = report !== null && report.expiresAt > now ? report : null;
  const after = reports.flatMap((state) => {
    const own = arrived?.source === state.latest.source && arrived.at >= state.latest.at ? arrived : null;
    return settle(own ? hear(state, own, now) : state, calmMs, now) ?? [];
  });
  const known = reports.some((state) => state.latest.source === arrived?.source);
  return arrived && !known ? [...after, spoken(arrived)] : after;
}

/** The worst level that any report still says, with its source; null when no report counts. */
export function worstReport(reports: Reports): { level: KnownLevel; source: string } | null {
  let worst: { level: KnownLevel; source: string } | null = null;
  for (const { level, latest } of reports) {
    if (worst === null || worseOf(worst.level, level) !== worst.level) worst = { level, source: latest.source };
  }
  return worst;
}

function spoken(report: LevelReport): ReportState {
  return { level: report.level, expiresAt: report.expiresAt, latest: report, calmSince: null };
}

function hear(state: ReportState, report: LevelReport, now: number): ReportState {
  if (compareLevels(report.level, state.level) >= 0) return spoken(report);
  return { ...state, latest: report, calmSince: state.calmSince === null ? now : Math.min(state.calmSince, now) };
}

function settle(state: ReportState, calmMs: number, now: number): ReportState | null {
  const calmed = state.calmSince !== null && now - state.calmSince >= calmMs;
  if (state.expiresAt > now && !calmed) return state;
  return state.latest.expiresAt > now ? spoken(state.latest) : null;
}
