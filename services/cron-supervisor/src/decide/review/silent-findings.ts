import { type Finding, finding, type Named } from './finding.js';
import { inWindow, type ReviewedRun, type ReviewWindow } from './history.js';
import { counted } from './in-words.js';
import { median } from './order.js';

/** An output of this share of the usual one has hardly anything in it. */
const SHORT = 0.1;
/** Below so many characters usual outputs differ by chance as much. */
const LEAST_USUAL = 200;
const FEWEST_SHORT = 3;
const FEWEST_KNOWN = 10;

/**
 * Runs that their source calls good and that were not: judged as failed, or with an output that is far shorter than it ever was. What has
 * always been short now and then ("nothing new today") is how the job is. Undefined where there are none.
 */
export function silentFinding(job: Named & { readonly runs: readonly ReviewedRun[] }, window: ReviewWindow): Finding | undefined {
  const runs = inWindow(job.runs, window);
  const refuted = runs.filter(({ word, verdict }) => word === 'ok' && verdict === 'failed');
  const { short, usual } = suddenlyShort(job.runs, window);
  if (refuted.length + short.length === 0) return undefined;
  const said = [
    ...(refuted.length === 0 ? [] : [`${counted(refuted.length, 'run')} called ok and judged as failed (${codesOf(refuted)})`]),
    ...(short.length === 0
      ? []
      : [`${counted(short.length, 'good run')} with an output under a tenth of the usual ${usual} characters`]),
  ];
  const facts = { refuted: refuted.length, codes: codesOf(refuted), short: short.length, usual_length: usual, runs: runs.length };
  const weight = 10 + (10 * (refuted.length + short.length)) / Math.max(1, runs.length);
  return finding(job, 'silent-successes', said.join('; '), facts, weight);
}

function codesOf(runs: readonly ReviewedRun[]): string {
  return [...new Set(runs.map(({ code }) => code))].sort().slice(0, 5).join(', ');
}

// What is usual is learned before the window; of a job that is newer, in the first half of its runs.
function suddenlyShort(all: readonly ReviewedRun[], { from, to }: ReviewWindow) {
  const good = all.filter(({ verdict, started_at, word }) => verdict === 'succeeded' && word !== 'skipped' && started_at < to);
  const lengths = good.flatMap((run) => (run.output_length === null ? [] : [{ at: run.started_at, length: run.output_length }]));
  const older = lengths.filter(({ at }) => at < from).length;
  const split = older >= FEWEST_KNOWN ? older : Math.floor(lengths.length / 2);
  const known = lengths.slice(0, split).map(({ length }) => length);
  const usual = Math.round(median(known));
  const isShort = (length: number) => length < usual * SHORT;
  if (known.length < FEWEST_KNOWN || usual < LEAST_USUAL || known.some(isShort)) return { short: [], usual: null };
  const short = lengths.slice(split).filter(({ length }) => isShort(length));
  return short.length < FEWEST_SHORT ? { short: [], usual: null } : { short, usual };
}
