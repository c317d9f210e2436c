import type { Level } from '@ops/shared/events';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import { ALERTS, alertDraft, retryDraft } from '../decide/drafts.js';
import { whenDue, worseLevel } from '../decide/retry.js';
import { EARLY_MS } from '../decide/run-trigger.js';
import { retryDue } from '../jobs.js';
import { SourceDown } from '../sources/source-down.js';
import { guardLevel } from '../state/guard-level.js';
import { isGone } from '../state/jobs.js';
import {
  askedRetries,
  claimRetry,
  dueRetries,
  endRetry,
  hastenDeferred,
  nameRetry,
  newerRun,
  putOff,
  takeOver,
  waitingRetry,
} from '../state/retries.js';
import type { RetryRow } from '../state/tables.js';

const EVERY_MS = 1000;
// The queue wakes each retry by itself; whoever it has lost is found by looking.
const LATE_MS = 500;
const AWAY_MS = 2000;
const BUSY_MS = 30_000;
// A start whose answer nobody has waited for to the end: its process was killed, most likely.
const FORGOTTEN_MS = 8000;

/** Carries out retries: each failed run is tried once more, whoever was killed in between. */
export class RetryRound {
  readonly #self: CronSupervisor;
  // Starts of this process that have not been answered: an old gateway lets a start wait behind the run of another job.
  readonly #starting = new Map<string, Promise<void>>();
  // What is looked at now.
  readonly #asking = new Map<string, Promise<void>>();

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  async round(): Promise<number> {
    const { database, clock, registry } = this.#self;
    if (!registry.known) return EVERY_MS;
    // Nobody waits for the source of another one.
    for (const retry of await dueRetries(database, clock.now() - LATE_MS)) this.#beside(retry, () => this.look(retry.run_id));
    for (const retry of await askedRetries(database)) this.#beside(retry, () => this.#recover(retry));
    return EVERY_MS;
  }

  #beside({ run_id, job_id }: RetryRow, work: () => Promise<void>): void {
    if (this.#asking.has(run_id)) return;
    const done = work()
      .catch((error: unknown) => this.#self.log.warn({ run: run_id, job: job_id, error }, 'a retry could not be seen to'))
      .finally(() => {
        if (this.#asking.get(run_id) === done) this.#asking.delete(run_id);
      });
    this.#asking.set(run_id, done);
  }

  async stop(): Promise<void> {
    await Promise.allSettled([...this.#asking.values(), ...this.#starting.values()]);
  }

  /** The guard lets more through: what it held back is looked at. */
  async released(level: Level): Promise<void> {
    const { database, clock } = this.#self;
    if ((await hastenDeferred(database, clock.now())) === 0) return;
    for (const retry of await dueRetries(database, clock.now())) this.#beside(retry, () => this.look(retry.run_id, level));
  }

  /**
   * Looks at a retry whose time may have come; nothing happens where it is another's, or not due.
   * @param level of the guard, as an event has told it: the scaler may not have written it yet, or a newer one already
   */
  async look(runId: string, level?: Level): Promise<void> {
    const { database, clock, registry, sources, redis } = this.#self;
    const retry = await waitingRetry(database, runId);
    const now = clock.now();
    if (retry === undefined || retry.due_at.getTime() > now) return;
    const job = registry.jobs.get(retry.job_id);
    const source = job === undefined ? undefined : sources.get(job.source);
    if (job === undefined || source === undefined || !job.enabled) {
      // That we do not know of it (yet) says nothing.
      if ((await isGone(database, retry.job_id)) === false) return;
      const why = 'the job was removed or switched off';
      // One that is there may have been switched off by its gateway, for having failed, or as it was to run once.
      const alert = job === undefined ? undefined : notRetried(job, retry, `not tried again: ${why}`, 'superseded', now);
      await endRetry(database, retry, 'superseded', why, now, alert);
      this.#self.said();
      return;
    }
    try {
      const facts = {
        class: job.policy.class,
        level: worseLevel(level, await guardLevel(redis)),
        newer: await newerRun(database, job.job_id, runId),
        own_retry_at: await source.ownRetryAt(job.external_id),
      };
      const plan = whenDue(facts, now);
      if (plan.kind === 'wait') return await this.#wait(job, retry, plan.until, plan.reason);
      if (plan.kind === 'superseded') {
        const alert = plan.failed ? notRetried(job, retry, `not tried again: ${plan.reason}`, 'superseded', now) : undefined;
        await endRetry(database, retry, 'superseded', plan.reason, now, alert);
        this.#self.said();
        return;
      }
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error;
      return this.#waitForSource(retry);
    }
    if (await claimRetry(database, runId, now)) this.#start(job, { ...retry, state: 'asked' });
  }

  #start(job: Job, retry: RetryRow): void {
    const work = this.#ask(job, retry)
      .catch((error: unknown) =>
        this.#self.log.warn({ run: retry.run_id, job: job.job_id, error }, 'a retry could not be started'),
      )
      .finally(() => this.#starting.delete(retry.run_id));
    this.#starting.set(retry.run_id, work);
  }

  async #ask(job: Job, retry: RetryRow): Promise<void> {
    const { database, sources, clock } = this.#self;
    const source = sources.get(job.source);
    if (source === undefined) return;
    const outcome = await source.start(job.external_id).catch((error: unknown) => {
      if (!(error instanceof SourceDown)) throw error;
      return undefined;
    });
    const now = clock.now();
    // Whether it heard us, nobody knows: the next look finds out.
    if (outcome === undefined) return;
    if (outcome.kind === 'started') {
      if (outcome.ref !== null) await nameRetry(database, retry.run_id, outcome.ref);
      return;
    }
    if (outcome.kind === 'already-running') return this.#wait(job, retry, now + BUSY_MS, 'another run of it is under way');
    const alert = notRetried(job, retry, `its retry was refused: ${outcome.why}`, 'refused', now);
    await endRetry(database, retry, 'refused', outcome.why, now, alert);
    this.#self.said();
  }

  // It was asked for, by a process that may not live any more: either its run has begun, or it is asked for again.
  async #recover(retry: RetryRow): Promise<void> {
    const { database, clock, registry, sources, intake } = this.#self;
    const asked = retry.asked_at?.getTime() ?? 0;
    const now = clock.now();
    // Another supervisor may be at it.
    if (this.#starting.has(retry.run_id) || now - asked < FORGOTTEN_MS) return;
    const job = registry.jobs.get(retry.job_id);
    const source = job === undefined ? undefined : sources.get(job.source);
    if (job === undefined || source === undefined) return;
    try {
      const found = await source.startedSince(job.external_id, asked - EARLY_MS);
      if (found !== undefined) {
        await intake.take({ kind: 'began', job_id: job.job_id, started_at: found.started_at, ref: retry.ref });
        for (const report of await source.history(job.external_id, found.started_at))
          await intake.take({ kind: 'ended', job_id: job.job_id, report });
        return;
      }
    } catch (error) {
      if (error instanceof SourceDown) return;
      throw error;
    }
    if (await takeOver(database, retry, now)) await this.#wait(job, retry, now, 'it was asked for, and has not begun');
  }

  async #wait(job: Job, retry: RetryRow, until: number, reason: string): Promise<void> {
    const { database, queues } = this.#self;
    const said = retry.reason === reason ? [] : [retryDraft(job, retry.run_id, until, reason, true)];
    if (await putOff(database, retry, until, reason, said)) await this.wake(queues, retry.run_id, until);
  }

  // As soon as it is back, and without a word each time.
  async #waitForSource(retry: RetryRow): Promise<void> {
    const { database, clock } = this.#self;
    await putOff(database, retry, clock.now() + AWAY_MS, retry.reason, []);
  }

  /** Lets the queue wake it; where Redis is away it is found by looking. */
  async wake(queues: CronSupervisor['queues'], run_id: string, due_at: number): Promise<void> {
    const { clock, log } = this.#self;
    await queues
      .add(retryDue, { run_id, due_at }, Math.max(0, due_at - clock.now()))
      .catch((error: unknown) => log.debug({ run: run_id, error }, 'the queue does not take a retry: it is found by looking'));
  }
}

// A failure that nobody tries again is a person's.
function notRetried(job: Job, { run_id }: RetryRow, found: string, why: string, at: number) {
  const alert = { status: 'failed', expected: 'a run that succeeds', found, at };
  return { metric: ALERTS.result, draft: alertDraft(job, ALERTS.result, alert, `${run_id} ${why}`) };
}
