import { type Finding, finding, type Named } from './finding.js';
import { inWindow, type ReviewedRun, type ReviewWindow } from './history.js';
import { counted, percentInWords } from './in-words.js';

/** One or two failures happen to every job. */
const FEWEST_EPISODES = 3;
/** Three in one bad day are one bad day. */
const FEWEST_DAYS = 3;
const LEAST_SPAN_MS = 7 * 86_400_000;
/** Of a job that runs often, so many of its runs; a job that fails every second day is looked at whatever share that is. */
const LEAST_SHARE = 0.02;
const OFTEN_DAYS_SHARE = 0.5;
const DAY_MS = 86_400_000;

/** Failed runs one after another, up to a good one. */
interface Episode {
  readonly first: ReviewedRun;
  readonly runs: number;
  readonly recovered: boolean;
}

/**
 * A job that fails now and then and recovers, week after week. A single failure is none, and a job that is down has one long episode: both have
 * been told when they happened. Undefined where it does not.
 */
export function failureFinding(
  job: Named & { readonly runs: readonly ReviewedRun[] },
  window: ReviewWindow,
): Finding | undefined {
  const runs = inWindow(job.runs, window).filter(({ word }) => word !== 'skipped');
  const episodes = episodesOf(runs);
  const recovered = episodes.filter((one) => one.recovered);
  const [first, last] = [recovered[0]?.first.started_at, recovered.at(-1)?.first.started_at];
  if (recovered.length < FEWEST_EPISODES || first === undefined || last === undefined) return undefined;
  const days = new Set(recovered.map((one) => Math.floor((window.to - one.first.started_at) / DAY_MS))).size;
  const failed = episodes.reduce((sum, one) => sum + one.runs, 0);
  const share = failed / runs.length;
  const often = days >= ((window.to - window.from) / DAY_MS) * OFTEN_DAYS_SHARE;
  if (days < FEWEST_DAYS || last - first < LEAST_SPAN_MS || (share < LEAST_SHARE && !often)) return undefined;
  const codes = mostFrequent(runs.filter(({ verdict }) => verdict !== 'succeeded').map(({ code }) => code));
  const retried = runs.filter(({ trigger, verdict }) => trigger !== 'schedule' && verdict === 'succeeded').length;
  const text = `fails now and then and recovers: ${failed} of ${counted(runs.length, 'run')} (${percentInWords(share)}), ${recovered.length} times on ${days} days; most often ${codes[0]}`;
  const facts = { failed, runs: runs.length, share, episodes: recovered.length, days, codes: codes.slice(0, 5), retried };
  return finding(job, 'intermittent-failures', text, facts, 4 + 10 * share);
}

function episodesOf(runs: readonly ReviewedRun[]): readonly Episode[] {
  const episodes: Episode[] = [];
  let first: ReviewedRun | undefined;
  let length = 0;
  for (const run of runs) {
    if (run.verdict !== 'succeeded') {
      first ??= run;
      length += 1;
    } else if (first !== undefined) {
      episodes.push({ first, runs: length, recovered: true });
      [first, length] = [undefined, 0];
    }
  }
  if (first !== undefined) episodes.push({ first, runs: length, recovered: false });
  return episodes;
}

function mostFrequent(words: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).map(([word, count]) => `${word} (${count})`);
}
