import { guardSamples } from '../act/guard-samples.js';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import { killedDraft, overranDraft } from '../decide/drafts.js';
import type { Run } from '../decide/intake-types.js';
import { isWatched } from '../decide/limit.js';
import type { JobSource, KillOutcome, RunEvidence, RunningRun } from '../sources/source.js';
import { SourceDown } from '../sources/source-down.js';
import { finishKill, hasEnded, markOverrun, noteHard, overdueRuns, unfinishedKills } from '../state/kills.js';
import type { KillRecord } from '../state/tables.js';

const EVERY_MS = 250;
const LOOK_MS = 100;
const ASK_AGAIN_MS = 500;
// What is known of a run is asked for before its end: afterwards its processes are gone. The end must not wait for it.
const EVIDENCE_MS = 400;
// Whoever has not looked for so long, as PostgreSQL was away or we were, may have missed ends.
const AWAY_MS = 5000;

type Outcome = NonNullable<KillRecord['outcome']>;
const NOTHING = { log: [], processes: [] };

/** Ends runs that take longer than their limit: gently, then hard; and tells what was seen. */
export class OverrunRound {
  readonly #self: CronSupervisor;
  readonly #working = new Map<string, Promise<void>>();
  readonly #heardSince = new Map<string, number>();
  #lookedAt = Number.POSITIVE_INFINITY;

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  async round(): Promise<number> {
    const { database, clock, registry, config } = this.#self;
    if (!registry.known) return EVERY_MS;
    const overdue = await overdueRuns(database, clock.now());
    const now = clock.now();
    this.#look(now);
    for (const run of overdue) {
      const job = registry.jobs.get(run.job_id);
      if (job === undefined || run.limit_at === null || !this.#watched(job, run, now)) continue;
      const limit = run.limit_at - run.started_at;
      const kill = job.policy.kill;
      const found = `it has run for ${Math.round((now - run.started_at) / 1000)} s, its limit is ${limit / 1000} s`;
      const draft = overranDraft(job, run, job.policy, limit, kill);
      if (!(await markOverrun(database, job, run, { now, kill, found, draft }))) continue;
      this.#self.said();
      if (kill) this.#begin(job, run);
    }
    // Somebody has noted it, and may not live any more.
    for (const { run, kill } of await unfinishedKills(database)) {
      const job = registry.jobs.get(run.job_id);
      const old = now - Date.parse(kill.asked_at) > 2 * config.cron.overrun.kill_grace + 5000;
      if (job === undefined || !old || this.#working.has(run.run_id) || !this.#watched(job, run, now)) continue;
      if (kill.hard !== null) await this.#switchOn(job);
      this.#begin(job, run);
    }
    return EVERY_MS;
  }

  /** A source is there, and tells of ends from now on. */
  heard(source: string): void {
    this.#heardSince.set(source, this.#self.clock.now());
  }

  // Since when each source could have told us of an end, as far as we know.
  #look(now: number): void {
    if (now - this.#lookedAt > AWAY_MS) this.#heardSince.clear();
    this.#lookedAt = now;
    for (const [name, { state }] of this.#self.sources) {
      if (state.kind !== 'connected') this.#heardSince.delete(name);
      else if (!this.#heardSince.has(name)) this.#heardSince.set(name, now);
    }
  }

  #watched({ source }: Job, { started_at }: Run, now: number): boolean {
    return isWatched(started_at, this.#heardSince.get(source), now);
  }

  /** Ends a run, beside whatever else is to be done. */
  end(job: Job, run: Run): void {
    this.#begin(job, run);
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#working.values());
  }

  #begin(job: Job, run: Run): void {
    if (this.#working.has(run.run_id)) return;
    const work = this.#kill(job, run)
      .catch((error: unknown) => this.#self.log.error({ run: run.run_id, job: job.job_id, error }, 'a run could not be ended'))
      .finally(() => this.#working.delete(run.run_id));
    this.#working.set(run.run_id, work);
  }

  async #kill(job: Job, run: Run): Promise<void> {
    const { sources, clock, config, database, signal } = this.#self;
    const source = sources.get(job.source);
    if (source === undefined) return;
    const began = clock.monotonic();
    const took = () => Math.round(clock.monotonic() - began);
    const { kill_grace: grace } = config.cron.overrun;
    // It may have ended since somebody asked for its end: no order must reach the job's next run.
    if (await hasEnded(database, run.run_id))
      return this.#told(job, run, { outcome: 'already-ended', gentle: 'it had ended', hard: null, took: took() }, NOTHING);
    const running = { job: job.external_id, started_at: run.started_at, ref: run.ref };
    const evidence = await this.#evidence(source, run, running);
    const gentle = await this.#gently(source, run, running, grace);
    // The source is away: whatever it does, it does without us. Somebody looks again.
    if (gentle === undefined || signal.aborted) return;
    if (gentle.kind === 'not-possible')
      return this.#told(job, run, { outcome: 'not-possible', gentle: gentle.how, hard: null, took: took() }, evidence);
    let ended = await this.#ended(run.run_id, grace);
    let hard: KillOutcome | undefined;
    if (!ended && !signal.aborted) {
      await noteHard(database, run.run_id);
      hard = await order(source, running, 'hard');
      if (hard === undefined) return;
      ended = await this.#ended(run.run_id, grace);
    }
    if (!ended && signal.aborted) return;
    const outcome = ended ? (gentle.kind === 'not-running' ? 'already-ended' : 'ended') : 'survived';
    await this.#told(job, run, { outcome, gentle: gentle.how, hard: hard?.how ?? null, took: took() }, evidence);
  }

  // Who could end it may be on his way: `ops cron exec` asks again every few seconds, and after a restart of ours.
  async #gently(source: JobSource, run: Run, running: RunningRun, grace: number): Promise<KillOutcome | undefined> {
    const { clock, signal, database } = this.#self;
    const until = clock.monotonic() + grace;
    for (;;) {
      const outcome = await order(source, running, 'gentle');
      if (outcome?.kind !== 'not-possible' || clock.monotonic() >= until || signal.aborted) return outcome;
      await clock.sleep(ASK_AGAIN_MS, signal);
      if (await hasEnded(database, run.run_id)) return { kind: 'not-running', how: 'it has ended by itself' };
    }
  }

  async #told(
    job: Job,
    run: Run,
    { outcome, gentle, hard, took }: { outcome: Outcome; gentle: string; hard: string | null; took: number },
    evidence: { readonly log: string[]; readonly processes: string[] },
  ): Promise<void> {
    const { database, clock, redis } = this.#self;
    const how = [gentle, ...(hard === null ? [] : [hard])].join('; then: ').slice(0, 1900);
    const record: KillRecord = { asked_at: new Date(clock.now()).toISOString(), gentle, hard, outcome };
    const guard = await guardSamples(redis, run.started_at, clock.now()).catch(() => []);
    const facts = { outcome, how, took_ms: took, evidence: { ...evidence, guard } };
    await finishKill(database, run.run_id, record, killedDraft(job, run, facts));
    this.#self.said();
  }

  // Somebody has begun to end it the hard way, and may have been killed before the job was switched on again.
  async #switchOn(job: Job): Promise<void> {
    try {
      await this.#self.sources.get(job.source)?.switchOn?.(job.external_id);
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error;
      this.#self.log.warn({ job: job.job_id, error }, 'a job may be switched off since its run was ended: its source is away');
    }
  }

  async #evidence(source: JobSource, run: Run, running: RunningRun): Promise<{ log: string[]; processes: string[] }> {
    const none: RunEvidence = { log: [], processes: [] };
    const patience = new AbortController();
    const known = await Promise.race([
      source.evidence(running).catch(() => none),
      this.#self.clock.sleep(EVIDENCE_MS, patience.signal).then(() => none),
    ]);
    patience.abort();
    const lines = known.log.length > 0 ? known.log : (run.output ?? '').split('\n').filter(Boolean);
    return {
      log: lines.slice(-50).map((line) => line.slice(0, 1000)),
      processes: known.processes.slice(0, 60).map((line) => line.slice(0, 300)),
    };
  }

  // Whether its source has told its end, within so many ms.
  async #ended(runId: string, within: number): Promise<boolean> {
    const { clock, database, signal } = this.#self;
    const until = clock.monotonic() + within;
    for (;;) {
      if (await hasEnded(database, runId)) return true;
      if (clock.monotonic() >= until || signal.aborted) return false;
      await clock.sleep(LOOK_MS, signal);
    }
  }
}

// Undefined where the source is away.
async function order(source: JobSource, running: RunningRun, way: 'gentle' | 'hard'): Promise<KillOutcome | undefined> {
  try {
    return await source.kill(running, way);
  } catch (error) {
    if (error instanceof SourceDown) return undefined;
    return { kind: 'sent', how: `${way}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500) };
  }
}
