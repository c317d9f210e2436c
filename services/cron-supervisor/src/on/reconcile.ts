import { Nudge } from '@ops/shared/runtime';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { RunReport } from '../cron-types.js';
import { blankReport } from '../decide/blank-report.js';
import type { Run } from '../decide/intake-types.js';
import { processLives, processOf } from '../sources/heartbeat/pinged-source.js';
import type { JobSource, RunningRun } from '../sources/source.js';
import { SourceDown } from '../sources/source-down.js';
import { lookBack, openRuns } from '../state/runs.js';
import { learnRunning, runningNow } from './running-now.js';

const EVERY_MS = 60_000;
// A run whose start was told a moment ago may not be in any list yet: it is looked at again soon.
const FRESH_MS = 3000;
const SAME_START_MS = 1000;
const FORGOTTEN_MS = 86_400_000;

/**
 * Asks the sources what has run, so that what was not told is learned, once: after each (re)connection, and every minute. A run that has
 * neither ended nor runs was interrupted: old gateways leave no trace of a run that a crash has ended.
 */
export class Reconciler {
  readonly #self: CronSupervisor;
  readonly #due = new Set<string>();
  readonly #askedAt = new Map<string, number>();
  readonly #pause = new Nudge();

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  nudge(source: string): void {
    this.#due.add(source);
    this.#pause.nudge();
  }

  async round(signal: AbortSignal): Promise<number> {
    const { sources, log, clock } = this.#self;
    const now = clock.monotonic();
    // One that comes and goes must not keep the others from being asked.
    const long = [...sources.keys()].filter((name) => now - (this.#askedAt.get(name) ?? Number.NEGATIVE_INFINITY) >= EVERY_MS);
    const due = this.#due.size === 0 ? [...sources.keys()] : [...new Set([...this.#due, ...long])];
    this.#due.clear();
    for (const name of due) this.#askedAt.set(name, now);
    const young = due.map(async (name) => {
      const source = sources.get(name);
      if (source === undefined || signal.aborted) return false;
      try {
        return await this.#reconcile(source);
      } catch (error) {
        if (!(error instanceof SourceDown)) throw error;
        log.debug({ source: name, error }, 'a source cannot be asked what has run');
        return false;
      }
    });
    const pause = (await Promise.all(young)).includes(true) ? FRESH_MS : EVERY_MS;
    await this.#pause.wait(pause, signal);
    return 0;
  }

  // Whether there are runs that are too young to be judged.
  async #reconcile(source: JobSource): Promise<boolean> {
    const { database, registry, clock, intake } = this.#self;
    const asked = clock.now();
    const jobs = registry.ofSource(source.name);
    const since = await lookBack(database, source.name);
    for (const { external_id, job_id } of jobs) {
      const reports = await source.history(external_id, since.get(job_id) ?? asked);
      // One that cannot be stored is said by the intake, and keeps nobody.
      await Promise.allSettled(reports.map((report) => intake.take({ kind: 'ended', job_id, report })));
    }
    const running = await runningNow(this.#self, source);
    await learnRunning(this.#self, source.name, running ?? []);
    const all = await openRuns(database, source.name);
    const open = all.filter(({ started_at }) => started_at < asked - FRESH_MS);
    const young = open.length < all.length;
    if (open.length === 0) return young;
    for (const run of await this.#vanished(source, open, running)) {
      const job = jobs.find(({ job_id }) => job_id === run.job_id);
      if (job === undefined) continue;
      // It may have ended between the two questions.
      const reports = await source.history(job.external_id, run.started_at - SAME_START_MS);
      const told = [...reports, interrupted(job.external_id, run, clock.now())];
      await Promise.allSettled(told.map((report) => intake.take({ kind: 'ended', job_id: job.job_id, report })));
    }
    return young;
  }

  async #vanished(source: JobSource, open: readonly Run[], running: readonly RunningRun[] | undefined): Promise<readonly Run[]> {
    const { registry, clock } = this.#self;
    if (!this.#self.answers({ source: source.name })) {
      // Who pings cannot be asked; of our own commands the process is known. Whoever was never heard of again was killed.
      const now = clock.now();
      return open.filter((run) =>
        processOf(run.ref) === undefined
          ? now - Math.max(run.started_at, run.limit_at ?? 0) > FORGOTTEN_MS
          : !processLives(run.ref),
      );
    }
    if (source.state.kind !== 'connected' || running === undefined) return [];
    return open.filter((run) => {
      const external = registry.jobs.get(run.job_id)?.external_id;
      return !running.some((one) => one.job === external && Math.abs(one.started_at - run.started_at) <= SAME_START_MS);
    });
  }
}

function interrupted(job: string, run: Run, now: number): RunReport {
  return {
    ...blankReport(job, run.started_at),
    ended_at: Math.max(now, run.started_at),
    word: 'error',
    completion: 'failed',
    output: run.output,
    error: 'interrupted: it does not run any more, and its source knows no end of it',
    ref: run.ref,
  };
}
