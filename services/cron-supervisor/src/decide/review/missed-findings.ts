import { type Finding, finding } from './finding.js';
import { inWindow, type JobHistory, type ReviewWindow } from './history.js';
import { counted, percentInWords } from './in-words.js';

/** One that is missed has been told at once. */
const FEWEST = 3;
/** Of a job that runs seldom, two are much. */
const FEWEST_OF_FEW = 2;
const MUCH = 0.05;

/**
 * Slots in which nothing began. Those that passed while we were away ourselves are counted, and are no finding: the job may have run.
 * Undefined where there are few.
 */
export function missedFinding(
  job: Pick<JobHistory, 'job_id' | 'name' | 'runs' | 'missed'>,
  window: ReviewWindow,
): Finding | undefined {
  const missed = job.missed.filter(({ slot }) => slot >= window.from && slot < window.to);
  const seen = missed.filter(({ unseen }) => !unseen).map(({ slot }) => slot);
  const served = new Set(inWindow(job.runs, window).flatMap(({ slot }) => (slot === null ? [] : [slot])));
  for (const slot of seen) served.add(slot);
  const share = seen.length / Math.max(1, served.size);
  if (seen.length < FEWEST && !(seen.length >= FEWEST_OF_FEW && share >= MUCH)) return undefined;
  const [hour, inHour] = busiestHour(seen);
  const clustered = inHour >= FEWEST && inHour > seen.length / 2 && seen.length < served.size;
  const text = `missed ${seen.length} of ${counted(served.size, 'slot')} (${percentInWords(share)})${clustered ? `, ${inHour} of them from ${String(hour).padStart(2, '0')}:00 to ${String(hour).padStart(2, '0')}:59 UTC` : ''}`;
  const facts = { missed: seen.length, slots: served.size, share, unseen: missed.length - seen.length, last: last(seen) };
  return finding(job, 'missed-slots', text, facts, 6 + 10 * share);
}

const HOUR_MS = 3_600_000;

function busiestHour(slots: readonly number[]): readonly [hour: number, count: number] {
  const counts = new Array<number>(24).fill(0);
  for (const slot of slots) {
    const hour = Math.floor(slot / HOUR_MS) % 24;
    counts[hour] = (counts[hour] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  return [counts.indexOf(most), most];
}

function last(slots: readonly number[]): string | null {
  return slots.length === 0 ? null : new Date(Math.max(...slots)).toISOString();
}
