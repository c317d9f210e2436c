import { type Finding, finding } from './finding.js';
import { growthInWords, inWords, percentInWords } from './in-words.js';
import { meetings, type Pair } from './meetings.js';
import { median } from './order.js';
import { inversionChance, inversions } from './rank-sum.js';
import type { BusyJob, ServedRun } from './served-runs.js';

/** Two jobs that are in each other's way. */
export interface Collision {
  /** The one that should move: not the one that earns money, else the shorter one. */
  readonly mover: BusyJob;
  readonly other: BusyJob;
  /** Meetings, and the share of the mover's runs that met the other. */
  readonly times: number;
  readonly share: number;
  readonly harm:
    | { readonly kind: 'slower'; readonly who: BusyJob; readonly alone_ms: number; readonly together_ms: number }
    | { readonly kind: 'waits'; readonly who: BusyJob; readonly wait_ms: number };
}

/** To meet now and then is nobody's fault. */
const FEWEST_MEETINGS = 5;
const REGULAR_SHARE = 0.3;
/** A source that runs one after the other starts the next one at once. */
const AT_ONCE_MS = 5000;
const MOST_WAIT = 0.8;
const LEAST_WAIT_MS = 30_000;
const SLOWER_BAR = 1.3;
const LEAST_SLOWER_MS = 1000;
/** More careful than one in a thousand, since many pairs are looked at. */
const BELIEVED = 1e-4;
const MOST_COMPARED = 100;

/**
 * Jobs of a source that get into each other's way: they meet regularly, and either one of them takes longer when they run together, or the
 * source lets one wait for the other. Jobs that only run at the same time are none. Where two always run together nobody can say what
 * they would take alone: they are none either.
 */
export function collisions(jobs: readonly BusyJob[]): readonly Collision[] {
  const sources = [...new Set(jobs.map(({ source }) => source))].sort();
  return sources
    .flatMap((source) => meetings(jobs.filter((job) => job.source === source)))
    .map(collisionOf)
    .filter((one) => one !== undefined);
}

function collisionOf(pair: Pair): Collision | undefined {
  const times = pair.meetings.length;
  // Of a job that runs often, only its latest runs are known.
  const since = Math.max(pair.first.runs[0]?.slot ?? 0, pair.second.runs[0]?.slot ?? 0);
  const known = ({ runs }: BusyJob) => runs.filter(({ slot }) => slot >= since).length;
  const fewest = Math.min(known(pair.first), known(pair.second));
  if (times < FEWEST_MEETINGS || times < fewest * REGULAR_SHARE) return undefined;
  const harm =
    waits(pair) ?? slower(pair.first, pair.meetings, 'first', 'second') ?? slower(pair.second, pair.meetings, 'second', 'first');
  if (harm === undefined) return undefined;
  const [mover, other] = moves(pair.first, pair.second) ? [pair.first, pair.second] : [pair.second, pair.first];
  const met = new Set(pair.meetings.map((one) => (mover === pair.first ? one.first : one.second).slot)).size;
  return { mover, other, times, share: met / Math.max(1, known(mover)), harm };
}

function moves(one: BusyJob, other: BusyJob): boolean {
  if (one.revenue !== other.revenue) return other.revenue;
  return median(one.runs.map(length)) <= median(other.runs.map(length));
}

const length = ({ start, end }: ServedRun) => end - start;

function waits({ first, second, meetings: met }: Pair): Collision['harm'] | undefined {
  const behind = (a: ServedRun, b: ServedRun) =>
    b.start >= a.end - 1000 && b.start - a.end <= AT_ONCE_MS && b.start - b.slot >= LEAST_WAIT_MS;
  const seconds = met.filter((one) => behind(one.first, one.second)).map((one) => one.second);
  const firsts = met.filter((one) => behind(one.second, one.first)).map((one) => one.first);
  if (seconds.length + firsts.length < met.length * MOST_WAIT) return undefined;
  const [who, runs] = seconds.length >= firsts.length ? [second, seconds] : [first, firsts];
  return { kind: 'waits', who, wait_ms: median(runs.map(({ start, slot }) => start - slot)) };
}

function slower(
  who: BusyJob,
  met: Pair['meetings'],
  own: 'first' | 'second',
  others: 'first' | 'second',
): Collision['harm'] | undefined {
  const overlapped = met.filter((one) => one[own].start < one[others].end && one[others].start < one[own].end);
  const together = new Set(overlapped.map((one) => one[own]));
  const alone = who.runs
    .filter((run) => !together.has(run))
    .map(length)
    .slice(-MOST_COMPARED);
  const shared = [...together].map(length).slice(-MOST_COMPARED);
  if (shared.length < FEWEST_MEETINGS || alone.length < FEWEST_MEETINGS) return undefined;
  const [alone_ms, together_ms] = [median(alone), median(shared)];
  if (together_ms < alone_ms * SLOWER_BAR || together_ms - alone_ms < LEAST_SLOWER_MS) return undefined;
  if (inversionChance(alone.length, shared.length, inversions(alone, shared)) > BELIEVED) return undefined;
  return { kind: 'slower', who, alone_ms, together_ms };
}

/** One finding for each job that should move, about the worst of its collisions. */
export function collisionFindings(found: readonly Collision[]): readonly Finding[] {
  const byMover = grouped(found);
  return [...byMover.values()].flatMap((of) => {
    const [worst, ...others] = [...of].sort((a, b) => cost(b) - cost(a) || a.other.job_id.localeCompare(b.other.job_id));
    if (worst === undefined) return [];
    const { mover, other, times, share, harm } = worst;
    const more = others.length === 0 ? '' : `; and with ${others.length} more`;
    const text = `is in the way of ${other.name}, or it of this one: they meet in ${percentInWords(share)} of its runs (${times} times), and ${harmInWords(worst)}${more}`;
    const facts = { with: of.map((one) => one.other.job_id), times, share, ...factsOf(harm) };
    return [finding(mover, 'collision', text, facts, 2 + share)];
  });
}

function grouped(found: readonly Collision[]): Map<string, Collision[]> {
  const groups = new Map<string, Collision[]>();
  for (const one of found) groups.set(one.mover.job_id, [...(groups.get(one.mover.job_id) ?? []), one]);
  return groups;
}

/** What it costs, in words. */
export function harmInWords({ harm }: Collision): string {
  if (harm.kind === 'waits') return `${harm.who.name} waits ${inWords(harm.wait_ms)} for its turn`;
  const ratio = growthInWords(harm.together_ms / harm.alone_ms);
  return `${harm.who.name} takes ${inWords(harm.together_ms)} then, and ${inWords(harm.alone_ms)} alone (${ratio})`;
}

/** ms that are lost in all. */
export function cost({ harm, times }: Collision): number {
  return times * (harm.kind === 'waits' ? harm.wait_ms : harm.together_ms - harm.alone_ms);
}

function factsOf(harm: Collision['harm']): Record<string, unknown> {
  return harm.kind === 'waits'
    ? { waits: harm.who.job_id, wait_ms: Math.round(harm.wait_ms) }
    : { slower: harm.who.job_id, alone_ms: Math.round(harm.alone_ms), together_ms: Math.round(harm.together_ms) };
}
