import type { GatewayEvent } from '@ops/shared/probes';
import type { Clock } from '@ops/shared/runtime';
import type { RunningRun, SourceListener } from '../source.js';
import { readCronEvent, readTaskEvent } from './decide/read-event.js';
import type { GatewayJob, JobsRead } from './decide/read-jobs.js';

/** Between two times that the supervisor is asked to look again because events were lost. */
const RECONCILE_MS = 5000;

interface Named {
  readonly run: RunningRun;
  readonly ref: string | null;
}

interface Known extends Named {
  /** The supervisor was told that it began; what a listing has shown is not told. */
  readonly told: boolean;
}

/**
 * What the gateway's events tell: runs that began and ended, jobs that changed, and whether events were lost. It remembers what
 * runs now, which a legacy gateway does not tell when it is asked.
 * `began` may be told twice for a run: without its name, and again once that is known.
 */
export class RunWatch {
  readonly #clock: Clock;
  readonly #listener: SourceListener;
  readonly #running = new Map<string, Known>();
  readonly #ended = new Map<string, number>();
  readonly #refs = new Map<string, Named>();
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #own = new Set<string>();
  #jobs: ReadonlyMap<string, GatewayJob> = new Map();
  #seq: number | undefined;
  #reconciledAt = Number.NEGATIVE_INFINITY;
  readonly #closing: AbortSignal;
  #reconciling = false;

  constructor(clock: Clock, listener: SourceListener, closing: AbortSignal) {
    this.#clock = clock;
    this.#listener = listener;
    this.#closing = closing;
  }

  /** What our events have told and nothing has refuted. */
  get running(): readonly RunningRun[] {
    return [...this.#running.values()].map(({ run }) => run);
  }

  /** The job as it was listed last. */
  job(id: string): GatewayJob | undefined {
    return this.#jobs.get(id);
  }

  limitOf(id: string): number | null {
    return this.#jobs.get(id)?.job.timeout_ms ?? null;
  }

  /** A new connection counts its events anew. */
  connected(): void {
    this.#seq = undefined;
    this.#reconciledAt = this.#clock.monotonic();
  }

  listed({ jobs, own }: JobsRead): void {
    this.#jobs = new Map(jobs.map((one) => [one.job.id, one]));
    this.#own.clear();
    for (const id of own) this.#own.add(id);
  }

  /**
   * What a listing proves: those ran at that moment, and no others. Whatever ran beside them when it was asked for has ended, or was
   * lost, without our being told, and the supervisor must look again.
   *
   * @param before what we believed to run when the question was asked: what began later may run still
   */
  proven(runs: readonly RunningRun[], before: readonly RunningRun[]): void {
    const now = new Map(runs.map((run) => [run.job, run.started_at]));
    let refuted = false;
    for (const run of before) {
      if (now.get(run.job) === run.started_at || !this.#isRunning(run)) continue;
      this.#running.delete(run.job);
      refuted = true;
    }
    for (const run of runs) {
      if (!this.#running.has(run.job) && !this.#hasEnded(run)) this.#running.set(run.job, { run, ref: null, told: false });
    }
    if (refuted) this.#reconcile();
  }

  /** Resolves when a run of the job begins; never, where the signal aborts before. */
  begins(job: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(job) ?? new Set();
      this.#waiting.set(job, waiting.add(resolve));
      signal.addEventListener('abort', () => waiting.delete(resolve), { once: true });
    });
  }

  take({ name, payload, seq }: GatewayEvent): void {
    if (seq !== undefined) this.#count(seq);
    if (name === 'task') this.#named(readTaskEvent(payload));
    if (name === 'cron') this.#takeCron(payload);
  }

  #takeCron(payload: unknown): void {
    const news = readCronEvent(payload, (job) => this.limitOf(job));
    if (news.kind === 'garbled') for (const issue of news.issues) this.#listener.garbled(issue);
    else if (news.kind === 'own-job') this.#own.add(news.job);
    else if (news.kind === 'jobs-changed') this.#listener.jobsChanged();
    else if (news.kind === 'began') this.#began(news.run);
    else if (news.kind === 'ended' && !this.#own.has(news.report.job)) {
      const { job, started_at } = news.report;
      if (this.#isRunning(news.report)) this.#running.delete(job);
      this.#ended.set(job, Math.max(started_at, this.#ended.get(job) ?? 0));
      this.#refs.delete(job);
      this.#listener.ended(news.report);
    }
  }

  #began(run: RunningRun): void {
    if (this.#own.has(run.job) || this.#hasEnded(run)) return;
    const known = this.#running.get(run.job);
    const named = this.#refs.get(run.job);
    const ref = named?.run.started_at === run.started_at ? named.ref : null;
    if (known?.run.started_at !== run.started_at || !known.told || (known.ref === null && ref !== null)) {
      this.#running.set(run.job, { run, ref, told: true });
      this.#listener.began(run, ref);
    }
    const waiting = this.#waiting.get(run.job);
    this.#waiting.delete(run.job);
    for (const resolve of waiting ?? []) resolve();
  }

  #named(named: { readonly run: RunningRun; readonly ref: string } | undefined): void {
    if (named === undefined || this.#own.has(named.run.job)) return;
    this.#refs.set(named.run.job, named);
    if (this.#isRunning(named.run)) this.#began(named.run);
  }

  #isRunning({ job, started_at }: RunningRun): boolean {
    return this.#running.get(job)?.run.started_at === started_at;
  }

  // Events of a run may come after the one that says that it has ended.
  #hasEnded({ job, started_at }: RunningRun): boolean {
    return started_at <= (this.#ended.get(job) ?? -1);
  }

  #count(seq: number): void {
    const lost = this.#seq !== undefined && seq > this.#seq + 1;
    this.#seq = seq;
    if (lost) this.#reconcile();
  }

  #reconcile(): void {
    if (this.#reconciling) return;
    this.#reconciling = true;
    const pause = this.#reconciledAt + RECONCILE_MS - this.#clock.monotonic();
    void this.#clock.sleep(Math.max(0, pause), this.#closing).then(() => {
      this.#reconciling = false;
      if (this.#closing.aborted) return;
      this.#reconciledAt = this.#clock.monotonic();
      this.#listener.connected();
    });
  }
}
