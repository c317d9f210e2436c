import { createLogger } from '@ops/shared/runtime';
import type { Schedule } from '@ops/shared/schedule';
import { migrate, openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { sql } from 'kysely';
import type { ReviewedRun } from '../src/decide/review/history.js';
import { migrations } from '../src/migrations/index.js';
import type { Applier } from '../src/on/apply-proposal.js';
import { makeReview, type Reviewer, reviewWindow } from '../src/on/weekly-review.js';
import type { Database } from '../src/state/tables.js';

export const DAY = 86_400_000;
export const MINUTE = 60_000;
/** A Monday. */
export const NOW = Date.UTC(2026, 10, 30, 6, 0, 17);
export const CRON: Reviewer['config']['cron'] = {
  overrun: { factor: 2, at_least: MINUTE, kill: true, kill_grace: 10_000 },
  review: { schedule: '0 6 * * 1', time_zone: 'UTC', window: 28 * DAY },
  history: 90 * DAY,
};

/** Since nine days it takes longer. */
export const slower = (ago: number): Partial<ReviewedRun> => ({ duration_ms: (ago < 9 ? 12 : 5) * MINUTE });
/** Three times in four weeks it fails, and its source calls it ok. */
export const failing = (ago: number): Partial<ReviewedRun> =>
  [2, 11, 20].includes(ago) ? { verdict: 'failed', code: 'gateway-error', word: 'ok' } : {};

/** Jobs in a database of their own, and who reviews them. */
export class ReviewScene {
  now = NOW;
  readonly logged: object[] = [];
  /** What was changed at the source. */
  readonly changes: object[] = [];
  /** With it the source refuses a change. */
  refusal: Error | undefined;
  /** When whoever waits for an answer has waited long enough. */
  patience = (signal?: AbortSignal) => new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
  readonly self: Reviewer & Applier;

  private constructor(readonly database: Database) {
    this.self = {
      database,
      clock: { now: () => this.now, sleep: (_ms, signal) => this.patience(signal) },
      log: createLogger('info', { write: (line) => this.logged.push(JSON.parse(line)) }),
      config: { cron: CRON },
      canChange: (job_id) => job_id !== 'openclaw/fixed',
      change: async (job_id, change) => {
        if (this.refusal !== undefined) throw this.refusal;
        this.changes.push({ job_id, ...change });
      },
      applied: () => undefined,
      expectedGivenAt: (job_id) => (job_id === 'openclaw/in-file' ? 'cron.rules[0].expected of ops.yaml' : undefined),
    };
  }

  static async open(): Promise<ReviewScene> {
    const database = openDatabase(await (await testPostgres()).fresh(), 'cron-supervisor');
    await migrate(database, 'cron-supervisor', migrations);
    return new ReviewScene(database as Database);
  }

  close(): Promise<void> {
    return this.database.destroy();
  }

  review() {
    return makeReview(this.self, reviewWindow(CRON, this.now));
  }

  proposals() {
    return this.database.selectFrom('cron_proposal').selectAll().orderBy('kind').execute();
  }

  /** What is to be said. */
  async drafts() {
    const rows = await this.database.selectFrom('cron_event').select('draft').orderBy('n').execute();
    return rows.map(({ draft }) => draft as { type: string; subject: string; purpose: string; data: unknown });
  }

  /** A job that ran each day for twelve weeks, five minutes each; what is different of a run, `change` says by days ago. */
  async addJob(
    name: string,
    change: (ago: number) => Partial<ReviewedRun> = () => ({}),
    row: { expected?: number; timeout?: number; enabled?: boolean; schedule?: Schedule } = {},
  ): Promise<void> {
    const { expected: expected_ms = 5 * MINUTE, timeout = null, enabled = true } = row;
    const schedule = row.schedule ?? { kind: 'cron', expression: '0 5 * * *', time_zone: 'UTC' };
    const policy = {
      expected_ms,
      expected_from: 'given',
      grace_ms: MINUTE,
      retry: true,
      kill: true,
      output: {},
      class: 'non-revenue',
    };
    await sql`insert into cron_job
      (job_id, source, external_id, name, purpose, enabled, schedule, policy, timeout_ms, registered_at, judged_until)
      values (${`openclaw/${name}`}, 'openclaw', ${name}, ${name}, '', ${enabled}, ${JSON.stringify(schedule)}, ${JSON.stringify(policy)},
        ${timeout}, now(), now())`.execute(this.database);
    const runs = Array.from({ length: 84 }, (_, index) => {
      const ago = 83 - index;
      const start = NOW - ago * DAY - 60 * MINUTE;
      const run = { duration_ms: 5 * MINUTE, verdict: 'succeeded', code: 'ok', output_length: 900, word: 'ok', ...change(ago) };
      return {
        run_id: `${name}-${ago}`,
        job_id: `openclaw/${name}`,
        started_at: new Date(start),
        slot: new Date(start),
        trigger: 'schedule',
        ended_at: new Date(start + run.duration_ms * (1 + 0.02 * Math.sin(ago * 7.3))),
        report: sql`${JSON.stringify({ word: run.word })}::jsonb`,
        verdict: run.verdict,
        code: run.code,
        output: 'x'.repeat(run.output_length ?? 0),
      };
    });
    await this.database
      .insertInto('cron_run')
      .values(runs as never)
      .execute();
  }
}
