import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createLogger } from '@ops/shared/runtime';
import { nextSlot, parseSchedule } from '@ops/shared/schedule';
import { migrate, openDatabase } from '@ops/shared/storage';
import { testPostgres } from '@ops/shared/testing';
import { sql } from 'kysely';
import type { Job } from '../../src/cron-types.js';
import { migrations } from '../../src/migrations/index.js';
import { registerJobs } from '../../src/state/jobs.js';
import type { Database } from '../../src/state/tables.js';
import { madeJob } from '../made-job.js';
// @ts-expect-error: plain JavaScript, shared with the process that judges
import { isServed } from './served.mjs';

const JUDGE = join(import.meta.dirname, 'judge.mjs');

export interface Outcome {
  /** Slots that the schedules have. */
  readonly slots: number;
  readonly kills: number;
  /** Slots that were judged otherwise than once and rightly. */
  readonly wrong: readonly string[];
}

/**
 * Lets a supervisor judge the slots of one job a zone while its clock runs ahead, kills it at random, and starts it again; then holds
 * what it has said against the schedules.
 */
export async function judgedOnce(
  zones: readonly string[],
  expression: string,
  {
    from,
    to,
    step,
    killWithinMs,
    mostKills,
    random,
  }: { from: number; to: number; step: number; killWithinMs: number; mostKills: number; random: () => number },
): Promise<Outcome> {
  const url = await (await testPostgres()).fresh();
  const database = openDatabase(url, 'cron-supervisor') as unknown as Database;
  try {
    await migrate(database as never, 'cron-supervisor', migrations);
    const jobs = zones.map((zone) => jobOf(zone, expression));
    await registerJobs(database, 'zones', jobs, { now: from, unread: [], log: createLogger('info') });
    let kills = 0;
    for (;;) {
      const judge = spawn(process.execPath, [JUDGE, url, String(from), String(to), String(step)], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const within = kills < mostKills ? killWithinMs * (0.3 + 0.7 * random()) : Number.POSITIVE_INFINITY;
      if (await ended(judge, within)) break;
      kills += 1;
    }
    return {
      slots: jobs.reduce((sum, job) => sum + slotsOf(job, from, to).length, 0),
      kills,
      wrong: await wrongly(database, jobs, from, to),
    };
  } finally {
    await database.destroy();
  }
}

// Whether it came to its end before it was killed. Rejects with its last words where it failed.
async function ended(judge: ChildProcess, killAfter: number): Promise<boolean> {
  let words = '';
  judge.stderr?.on('data', (data: Buffer) => {
    words += data.toString('utf8');
  });
  const timer = Number.isFinite(killAfter) ? setTimeout(() => judge.kill('SIGKILL'), killAfter) : undefined;
  const [code] = (await once(judge, 'close')) as [number | null];
  clearTimeout(timer);
  if (code !== null && code !== 0) throw new Error(`the judge ended with ${code}:\n${words.slice(-2000)}`);
  return code === 0;
}

async function wrongly(database: Database, jobs: readonly Job[], from: number, to: number): Promise<string[]> {
  const missed = await sql<{ job_id: string; slot: Date; said: number }>`
    select m.job_id, m.slot, coalesce(e.said, 0)::int as said from cron_missed m left join (
      select draft->>'purpose' as purpose, count(*) as said from cron_event where draft->>'type' = 'cron.run-missed' group by 1
    ) e on e.purpose = m.job_id || ' missed ' || (extract(epoch from m.slot) * 1000)::bigint`.execute(database);
  const said = new Map(missed.rows.map(({ job_id, slot, said: times }) => [`${job_id} ${slot.getTime()}`, times]));
  const served = await sql<{ job_id: string; slot: Date; times: number }>`
    select job_id, slot, count(*)::int as times from cron_run where slot is not null group by 1, 2`.execute(database);
  const runs = new Map(served.rows.map(({ job_id, slot, times }) => [`${job_id} ${slot.getTime()}`, times]));
  const wrong: string[] = [];
  for (const job of jobs) {
    for (const slot of slotsOf(job, from, to)) {
      const key = `${job.job_id} ${slot}`;
      const [m, r] = [said.get(key) ?? 0, runs.get(key) ?? 0];
      const right = isServed(job.job_id, slot) ? m === 0 && r === 1 : m === 1 && r === 0;
      if (!right) wrong.push(`${key} ${new Date(slot).toISOString()}: missed ${m} times, served ${r} times`);
      said.delete(key);
      runs.delete(key);
    }
  }
  return [
    ...wrong,
    ...[...said.keys()].map((key) => `${key}: missed, and no slot`),
    ...[...runs.keys()].map((key) => `${key}: served, and no slot`),
  ];
}

const GRACE = 60_000;

// Those whose grace is over at the end.
function slotsOf(job: Job, from: number, to: number): number[] {
  const slots: number[] = [];
  for (let slot = nextSlot(job.schedule, from); slot !== undefined && slot + GRACE <= to; slot = nextSlot(job.schedule, slot))
    slots.push(slot);
  return slots;
}

function jobOf(zone: string, expression: string): Job {
  const job = madeJob('zones', zone, { schedule: parseSchedule(expression, zone) });
  return { ...job, policy: { ...job.policy, grace_ms: GRACE, retry: false, kill: false } };
}
