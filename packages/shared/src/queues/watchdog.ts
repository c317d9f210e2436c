/** What a look at a queue and its worker found. */
export interface Glance {
  /** When it was made, epoch ms. */
  readonly at: number;
  /** Jobs that could run now: waiting ones, and delayed ones whose time has come. */
  readonly due: number;
  /** Jobs in somebody's hands, in any process. */
  readonly active: number;
  /** Jobs that this worker has begun so far. */
  readonly begun: number;
  /** The queue is paused on purpose. */
  readonly paused: boolean;
}

/** What the watchdog remembers between two looks. */
export interface Watch {
  /** The first look of those that found work and nobody at it. */
  readonly idleSince: number | undefined;
  readonly begun: number;
  readonly restarts: number;
  readonly restartedAt: number;
}

export interface WatchPolicy {
  /** So long (ms) jobs may be due and nobody at them. */
  readonly patienceMs: number;
  /** Between two restarts, in ms; doubled with each that did not help, up to `mostPauseMs`. */
  readonly pauseMs: number;
  readonly mostPauseMs: number;
}

export const WATCH_POLICY: WatchPolicy = { patienceMs: 30_000, pauseMs: 60_000, mostPauseMs: 600_000 };

export const FRESH_WATCH: Watch = { idleSince: undefined, begun: 0, restarts: 0, restartedAt: Number.NEGATIVE_INFINITY };

/**
 * Whether a worker is to be restarted: jobs are due, nobody works, nothing was begun, and this for a while, in which Redis
 * answered. A glance of `undefined` is a Redis that did not: whatever was seen before says nothing any more.
 */
export function watchWorker(watch: Watch, glance: Glance | undefined, policy: WatchPolicy): { restart: boolean; next: Watch } {
  if (glance === undefined) return { restart: false, next: { ...watch, idleSince: undefined } };
  const { at, due, active, begun, paused } = glance;
  // It works: the next restart need not wait longer than the first.
  if (begun !== watch.begun) return { restart: false, next: { ...watch, begun, idleSince: undefined, restarts: 0 } };
  if (due === 0 || active > 0 || paused) return { restart: false, next: { ...watch, idleSince: undefined } };
  const idleSince = watch.idleSince ?? at;
  const pause = watch.restarts === 0 ? policy.pauseMs : Math.min(policy.pauseMs * 2 ** (watch.restarts - 1), policy.mostPauseMs);
  if (at - idleSince < policy.patienceMs || at - watch.restartedAt < pause)
    return { restart: false, next: { ...watch, idleSince } };
  return { restart: true, next: { ...watch, idleSince: undefined, restarts: watch.restarts + 1, restartedAt: at } };
}
