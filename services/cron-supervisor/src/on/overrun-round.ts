import { guardSamples } from '../act/guard-samples.js';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import { killedDraft, overranDraft } from '../decide/drafts.js';
import type { Run } from '../decide/intake-types.js';
import type { JobSource, KillOutcome, RunEvidence } from '../sources/source.js';
import { SourceDown } from '../sources/source-down.js';
import { findRun, finishKill, markOverrun, noteHard, overdueRuns, unfinishedKills } from '../state/kills.js';
import type { KillRecord } from '../state/tables.js';

const EVERY_MS = 250;
const LOOK_MS = 100;
// What is known of a run is asked for before its end: afterwards its processes are gone. The end must not wait for it.
const EVIDENCE_MS = 400;
// It may contain no word that a gateway takes for a passing fault, after which it would run the job again (time-out, network, 5xx).
const REASON = 'supervisor: exceeded 2x expected';

/** Ends runs that take longer than their limit: gently, then hard; and tells what was seen. */
export class OverrunRound {
  readonly #self: CronSupervisor;
  readonly #working = new Map<string, Promise<void>>();

  constructor(self: CronSupervisor) {
    this.#self = self;
  }

  async round(): Promise<number> {
    const { database, clock, registry, config } = this.#self;
    const now = clock.now();
    for (const run of await overdueRuns(database, now)) {
      const job = registry.jobs.get(run.job_id);
      if (job === undefined || run.limit_at === null) continue;
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
      if (job === undefined || !old || this.#working.has(run.run_id)) continue;
      if (kill.hard !== null) await this.#switchOn(job);
      this.#begin(job, run);
    }
    return EVERY_MS;
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
    const { sources, clock, config, redis, database } = this.#self;
    const source = sources.get(job.source);
    if (source === undefined) return;
    const began = clock.monotonic();
    const running = { job: job.external_id, started_at: run.started_at };
    const evidence = await this.#evidence(source, run, running);
    const gentle = await order(source, running, 'gentle');
    let hard: KillOutcome | undefined;
    let ended = await this.#ended(run.run_id, gentle.kind === 'not-possible' ? 0 : config.cron.overrun.kill_grace);
    if (!ended && gentle.kind !== 'not-possible' && !this.#self.signal.aborted) {
      await noteHard(database, run.run_id);
      hard = await order(source, running, 'hard');
      ended = await this.#ended(run.run_id, config.cron.overrun.kill_grace);
    }
    // Whoever comes after us goes on.
    if (!ended && this.#self.signal.aborted) return;
    const outcome = ended
      ? gentle.kind === 'not-running'
        ? 'already-ended'
        : 'ended'
      : gentle.kind === 'not-possible'
        ? 'not-possible'
        : 'survived';
    const how = [gentle.how, ...(hard === undefined ? [] : [hard.how])].join('; then: ').slice(0, 1900);
    const record: KillRecord = {
      asked_at: new Date(clock.now()).toISOString(),
      gentle: gentle.how,
      hard: hard?.how ?? null,
      outcome,
    };
    const guard = await guardSamples(redis, run.started_at, clock.now()).catch(() => []);
    const facts = { outcome, how, took_ms: Math.round(clock.monotonic() - began), evidence: { ...evidence, guard } } as const;
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

  async #evidence(
    source: JobSource,
    run: Run,
    running: { job: string; started_at: number },
  ): Promise<{ log: string[]; processes: string[] }> {
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
      const [run] = await findRun(database, runId);
      if (run === undefined || run.ended_at !== null) return true;
      if (clock.monotonic() >= until || signal.aborted) return false;
      await clock.sleep(LOOK_MS, signal);
    }
  }
}

async function order(
  source: JobSource,
  running: { job: string; started_at: number },
  way: 'gentle' | 'hard',
): Promise<KillOutcome> {
  try {
    return await source.kill(running, way, REASON);
  } catch (error) {
    return { kind: 'sent', how: `${way}: ${error instanceof Error ? error.message : String(error)}`.slice(0, 500) };
  }
}
