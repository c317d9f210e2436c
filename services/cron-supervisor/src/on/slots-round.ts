import { evaluationTimer } from '../act/round-metrics.js';
import type { CronSupervisor } from '../cron-supervisor.js';
import { judgeSlots, type SlotFacts, type SlotPlan } from '../decide/missed.js';
import type { JobSource } from '../sources/source.js';
import { SourceDown } from '../sources/source-down.js';
import { jobFromRow } from '../state/jobs.js';
import { type Absence, lastAbsence, notePresence } from '../state/presence.js';
import { dueJobs, type Judged, servedSlots, storeJudged } from '../state/slots.js';
import type { JobRow } from '../state/tables.js';
import { learnRunning, runningNow } from './running-now.js';

const EVERY_MS = 250;
// Whoever pings meanwhile waits for what is stored of them.
const BATCH = 400;
// In one transaction, of all jobs together.
const MOST_SLOTS = 1200;
const PRESENT_EVERY_MS = 1000;
// The source is asked before its job is called missed; whoever needs longer is not waited for.
const ASK_MS = 700;
const ASK_FOR_MS = 30_000;
// After a start the sources are given time to connect: until then nobody can know what has run.
const SETTLE_MS = 10_000;
const UNSEEN = 'nobody told of it, and we were away ourselves';

/** Judges each slot of each job, once, when its grace is over. */
export class SlotsRound {
  readonly #self: CronSupervisor;
  // The first look: whoever waited for PostgreSQL has not waited for the sources yet.
  #began: number | undefined;
  readonly #timer: ReturnType<typeof evaluationTimer>;
  #absence: Absence | undefined;
  #presentAt = Number.NEGATIVE_INFINITY;

  constructor(self: CronSupervisor) {
    this.#self = self;
    this.#timer = evaluationTimer(self.metrics);
  }

  async round(): Promise<number> {
    const stop = this.#timer.startTimer();
    try {
      return await this.#evaluate();
    } finally {
      stop();
    }
  }

  async #evaluate(): Promise<number> {
    const { database, clock, registry } = this.#self;
    if (!registry.known) return EVERY_MS;
    this.#began ??= clock.monotonic();
    const now = clock.now();
    if (now - this.#presentAt >= PRESENT_EVERY_MS) {
      await notePresence(database, now);
      this.#absence = await lastAbsence(database);
      this.#presentAt = now;
    }
    const due = (await dueJobs(database, now, BATCH)).filter((row) => this.#settled(row.source));
    if (due.length === 0) return EVERY_MS;
    let plans = await this.#judge(due);
    const late = due.filter(({ job_id }) => (plans.get(job_id)?.missed.length ?? 0) > 0);
    const { whys, waiting } = await this.#ask(late);
    // What the sources have told meanwhile counts.
    if (late.length > 0) plans = await this.#judge(due);
    const judged = due.flatMap((row) => {
      const plan = plans.get(row.job_id);
      return plan === undefined || row.next_slot === null || waiting.has(row.job_id)
        ? []
        : [this.#judged(row, row.next_slot.getTime(), plan, whys.get(row.source))];
    });
    if ((await storeJudged(database, judged, clock.now())) > 0) this.#self.said();
    return due.length === BATCH ? 0 : EVERY_MS;
  }

  #settled(name: string): boolean {
    const source = this.#self.sources.get(name);
    const now = this.#self.clock.monotonic();
    const waited = now - (this.#began ?? now);
    return source?.state.kind !== 'starting' || waited > SETTLE_MS;
  }

  async #judge(rows: readonly JobRow[]): Promise<ReadonlyMap<string, SlotPlan>> {
    const { database, clock } = this.#self;
    const served = await servedSlots(database, rows);
    const now = clock.now();
    const most = Math.max(1, Math.floor(MOST_SLOTS / rows.length));
    const none: ReadonlySet<number> = new Set();
    const plans = rows.flatMap((row): [string, SlotPlan][] => {
      if (row.next_slot === null) return [];
      const facts: SlotFacts = {
        schedule: row.schedule,
        grace_ms: row.policy.grace_ms,
        next_slot: row.next_slot.getTime(),
        served: served.get(row.job_id) ?? none,
        // Who can be asked afterwards has missed nothing by our absence.
        away: this.#self.answers(row) ? undefined : this.#absence,
      };
      return [[row.job_id, judgeSlots(facts, now, most)]];
    });
    return new Map(plans);
  }

  // Events can be lost: before a job is called missed its source is asked. Who has not answered in time is asked again, for a while; a
  // source that is down is judged by what is known.
  async #ask(
    late: readonly JobRow[],
  ): Promise<{ readonly whys: ReadonlyMap<string, string>; readonly waiting: ReadonlySet<string> }> {
    const { sources, clock } = this.#self;
    const whys = new Map<string, string>();
    const asked = new Set<string>();
    const names = [...new Set(late.map(({ source }) => source))].filter((source) => this.#self.answers({ source }));
    const patience = new AbortController();
    const asking = names.map(async (name) => {
      const source = sources.get(name);
      if (source === undefined) return;
      if (source.state.kind === 'down') whys.set(name, `its source does not answer: ${source.state.why}`);
      try {
        await learnRunning(this.#self, name, (await runningNow(this.#self, source, ASK_MS / 2)) ?? []);
        await Promise.all(late.filter((row) => row.source === name).map((row) => this.#askFor(source, row, asked)));
      } catch (error) {
        if (!(error instanceof SourceDown)) throw error;
        whys.set(name, error.message);
      }
    });
    await Promise.race([Promise.all(asking), clock.sleep(ASK_MS, patience.signal)]);
    patience.abort();
    const now = clock.now();
    const waiting = late.filter(
      ({ job_id, source, due_at }) =>
        names.includes(source) && !asked.has(job_id) && !whys.has(source) && now - (due_at?.getTime() ?? now) < ASK_FOR_MS,
    );
    return { whys, waiting: new Set(waiting.map(({ job_id }) => job_id)) };
  }

  async #askFor(source: JobSource, { job_id, external_id, next_slot }: JobRow, asked: Set<string>): Promise<void> {
    const reports = await source.history(external_id, (next_slot?.getTime() ?? 0) - 60_000);
    await Promise.allSettled(reports.map((report) => this.#self.intake.take({ kind: 'ended', job_id, report })));
    asked.add(job_id);
  }

  #judged(row: JobRow, from: number, plan: SlotPlan, why: string | undefined): Judged {
    const job = jobFromRow(row);
    const certain = plan.missed.filter(({ unseen }) => !unseen);
    const reason = why ?? 'no run has begun in time';
    const missed = plan.missed.map((one) => ({ ...one, reason: one.unseen ? UNSEEN : reason }));
    const status = job.policy.class === 'revenue' ? 'missed, critical' : 'missed';
    const last = certain.at(-1);
    const found = last === undefined ? '' : `no run at ${new Date(last.slot).toISOString()}: ${reason}`;
    const alert = last === undefined ? undefined : { status, expected: 'a run at each slot', found };
    return { job, from, plan, missed, alert };
  }
}
