import { evaluationTimer } from '../act/round-metrics.js';
import type { CronSupervisor } from '../cron-supervisor.js';
import { judgeSlots, type SlotFacts, type SlotPlan } from '../decide/missed.js';
import { SourceDown } from '../sources/source-down.js';
import { jobFromRow } from '../state/jobs.js';
import { type Absence, lastAbsence, notePresence } from '../state/presence.js';
import { dueJobs, type Judged, servedSlots, storeJudged } from '../state/slots.js';
import type { JobRow } from '../state/tables.js';

const EVERY_MS = 250;
// Whoever pings meanwhile waits for what is stored of them.
const BATCH = 400;
// In one transaction, of all jobs together.
const MOST_SLOTS = 1200;
const PRESENT_EVERY_MS = 1000;
// The source is asked before its job is called missed; whoever needs longer is not waited for.
const ASK_MS = 700;
// After a start the sources are given time to connect: until then nobody can know what has run.
const SETTLE_MS = 10_000;
const UNSEEN = 'nobody told of it, and we were away ourselves';

/** Judges each slot of each job, once, when its grace is over. */
export class SlotsRound {
  readonly #self: CronSupervisor;
  readonly #began: number;
  readonly #timer: ReturnType<typeof evaluationTimer>;
  #absence: Absence | undefined;
  #presentAt = Number.NEGATIVE_INFINITY;

  constructor(self: CronSupervisor) {
    this.#self = self;
    this.#began = self.clock.monotonic();
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
    const { database, clock } = this.#self;
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
    const whys = await this.#ask(late);
    // What the sources have told meanwhile counts.
    if (late.length > 0) plans = await this.#judge(due);
    const judged = due.flatMap((row) => {
      const plan = plans.get(row.job_id);
      return plan === undefined || row.next_slot === null
        ? []
        : [this.#judged(row, row.next_slot.getTime(), plan, whys.get(row.source))];
    });
    if ((await storeJudged(database, judged, clock.now())) > 0) this.#self.said();
    return due.length === BATCH ? 0 : EVERY_MS;
  }

  #settled(name: string): boolean {
    const source = this.#self.sources.get(name);
    const waited = this.#self.clock.monotonic() - this.#began;
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

  // Events can be lost: before a job is called missed its source is asked. What cannot be asked is judged by what is known.
  async #ask(late: readonly JobRow[]): Promise<ReadonlyMap<string, string>> {
    const { sources, clock } = this.#self;
    const whys = new Map<string, string>();
    const names = [...new Set(late.map(({ source }) => source))].filter((source) => this.#self.answers({ source }));
    await Promise.all(
      names.map(async (name) => {
        const source = sources.get(name);
        if (source === undefined) return;
        if (source.state.kind === 'down') whys.set(name, `its source does not answer: ${source.state.why}`);
        const patience = new AbortController();
        const asking = this.#askEach(name, late).catch((error: unknown) => {
          if (!(error instanceof SourceDown)) throw error;
          whys.set(name, error.message);
        });
        await Promise.race([asking, clock.sleep(ASK_MS, patience.signal)]);
        patience.abort();
      }),
    );
    return whys;
  }

  async #askEach(name: string, late: readonly JobRow[]): Promise<void> {
    const { sources, intake } = this.#self;
    for (const { job_id, external_id, next_slot, source } of late) {
      if (source !== name) continue;
      const since = (next_slot?.getTime() ?? 0) - 60_000;
      for (const report of (await sources.get(name)?.history(external_id, since)) ?? [])
        await intake.take({ kind: 'ended', job_id, report });
    }
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
