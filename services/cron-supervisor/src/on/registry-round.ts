import { type Issue, issueLine, showNulInText } from '@ops/shared/events';
import { scheduleIssue } from '@ops/shared/schedule';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import { policyOf } from '../decide/policy.js';
import { sourceAlert } from '../decide/source-alert.js';
import type { JobSource, SourceJob } from '../sources/source.js';
import { SourceDown } from '../sources/source-down.js';
import { jobFromRow, registerJobs, storedJobs } from '../state/jobs.js';
import { learnedRuntimes } from '../state/learned-runtimes.js';
import { listOverrides } from '../state/overrides.js';

const LOOK_MS = 2000;
const LONGEST_NAME = 300;
const EVERY_MS = 60_000;
const SELDOM_MS = 600_000;
const LEARN_EVERY_MS = 3_600_000;
// A source that was away shorter is restarted, and nobody need know.
const PATIENCE_MS = 10_000;

/** Keeps the registry true: what the sources have is what is supervised. Nudged when a source says that its jobs have changed. */
export class RegistryRound {
  readonly #self: CronSupervisor;
  readonly #said = new Map<string, string>();
  readonly #learned = new Map<string, { readonly at: number; readonly runtimes: ReadonlyMap<string, number> }>();
  readonly #downSince = new Map<string, number>();
  readonly #reading = new Map<string, Promise<void>>();
  readonly #readAt = new Map<string, number>();

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  async round(): Promise<number> {
    const { sources, clock, log } = this.#self;
    // Nobody waits for a source that is slow: an old gateway answers only when no job of it runs.
    for (const name of sources.keys()) {
      const age = clock.monotonic() - (this.#readAt.get(name) ?? Number.NEGATIVE_INFINITY);
      if (this.#reading.has(name) || age < this.#periodOf(name)) continue;
      this.refresh(name).catch((error: unknown) =>
        log.warn({ source: name, error }, 'the jobs of a source could not be registered'),
      );
    }
    return LOOK_MS;
  }

  // Whoever tells of changes by himself is asked now and then only, for what another supervisor has learned.
  #periodOf(name: string): number {
    if (this.#downSince.has(name)) return LOOK_MS;
    return this.#self.answers({ source: name }) ? EVERY_MS : SELDOM_MS;
  }

  /** Reads a source again, after whatever reads it now. */
  refresh(name: string): Promise<void> {
    const before = this.#reading.get(name) ?? Promise.resolve();
    const reading = before
      .catch(() => undefined)
      .then(async () => {
        const source = this.#self.sources.get(name);
        const changed = source !== undefined && (await this.#read(source));
        if (changed || !this.#self.registry.known) await this.restore();
      })
      .finally(() => {
        this.#readAt.set(name, this.#self.clock.monotonic());
        if (this.#reading.get(name) === reading) this.#reading.delete(name);
      });
    this.#reading.set(name, reading);
    return reading;
  }

  /** Takes what is stored: what was registered before is known, whatever the sources say. */
  async restore(): Promise<void> {
    const { registry, database } = this.#self;
    registry.replace((await storedJobs(database)).map(jobFromRow));
  }

  // Whether anything has changed.
  async #read(source: JobSource): Promise<boolean> {
    const { database, clock, log } = this.#self;
    try {
      const { jobs, issues, unread } = await source.list();
      const known = await this.#judged(source, jobs);
      const changed = await registerJobs(database, source.name, known.jobs, {
        now: clock.now(),
        unread,
        log,
      });
      const down = source.state.kind === 'down' ? source.state.why : undefined;
      await this.#tell(source.name, [...issues, ...known.issues], down);
      return changed;
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error;
      log.info({ source: source.name, error }, 'the jobs of a source cannot be read now');
      await this.#tell(source.name, [], error.message);
      return false;
    }
  }

  async #judged(source: JobSource, listed: readonly SourceJob[]): Promise<{ jobs: Job[]; issues: Issue[] }> {
    const { config, database } = this.#self;
    const changed = new Map((await listOverrides(database)).map(({ job_id, policy }) => [job_id, policy]));
    const learned = await this.#learnedOf(source.name);
    const issues: Issue[] = [];
    const jobs = listed.map((job): Job => {
      const { id, enabled, schedule, timeout_ms } = job;
      // As events and PostgreSQL take it.
      const name = showNulInText(job.name).slice(0, LONGEST_NAME) || id;
      const purpose = showNulInText(job.purpose);
      const agent = job.agent === null ? null : showNulInText(job.agent).slice(0, 200);
      const job_id = `${source.name}/${id}`;
      const wrong = scheduleIssue(schedule);
      if (wrong !== undefined) issues.push({ ...wrong, path: `${job_id}.${wrong.path}` });
      const facts = { job, source: source.name, override: changed.get(job_id), learned_ms: learned.get(job_id) };
      return {
        job_id,
        source: source.name,
        external_id: id,
        name,
        purpose,
        agent,
        enabled,
        schedule,
        policy: policyOf(facts, config),
        timeout_ms,
        problem: wrong === undefined ? null : issueLine(wrong),
      };
    });
    return { jobs, issues };
  }

  // Runtimes are learned from many runs: what an hour adds is little, and asking costs something where there are thousands of jobs.
  async #learnedOf(source: string): Promise<ReadonlyMap<string, number>> {
    const { database, config, clock, log } = this.#self;
    const known = this.#learned.get(source);
    if (known !== undefined && clock.monotonic() - known.at < LEARN_EVERY_MS) return known.runtimes;
    // Without it jobs are supervised all the same.
    const runtimes = await learnedRuntimes(database, source, config.cron).catch((error: unknown) => {
      log.warn({ source, error }, 'how long the runs of a source take could not be learned');
      return known?.runtimes ?? new Map<string, number>();
    });
    this.#learned.set(source, { at: clock.monotonic(), runtimes });
    return runtimes;
  }

  // Said when it changes: what is wrong with a source stands until it is right again.
  async #tell(source: string, issues: readonly Issue[], down: string | undefined): Promise<void> {
    const { publisher, clock, log, host } = this.#self;
    const now = clock.now();
    const since = down === undefined ? undefined : (this.#downSince.get(source) ?? now);
    if (since === undefined) this.#downSince.delete(source);
    else this.#downSince.set(source, since);
    const lasting = since !== undefined && now - since >= PATIENCE_MS ? down : undefined;
    const lines = issues.map(issueLine);
    const state = JSON.stringify([lines, lasting]);
    if (this.#said.get(source) === state || (since !== undefined && lasting === undefined && lines.length === 0)) return;
    for (const line of lines) log.warn({ source, line }, 'something is wrong with a scheduled job');
    await publisher.publish(sourceAlert(source, lines, lasting, now).map((draft) => ({ ...draft, host })));
    this.#said.set(source, state);
  }
}
