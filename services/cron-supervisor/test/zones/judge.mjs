// A supervisor's judge with a clock that runs ahead: as much of it as judges slots, on the real tables. Killed and started again by the
// test. node judge.mjs <database url> <from> <to> <step>, times in epoch ms.

import { nextSlot } from '@ops/shared/schedule';
import { openDatabase } from '@ops/shared/storage';
import { Registry as Metrics } from 'prom-client';
import { ByHand } from '../../dist/by-hand.js';
import { RunIntake } from '../../dist/on/run-intake.js';
import { SlotsRound } from '../../dist/on/slots-round.js';
import { Registry } from '../../dist/registry.js';
import { jobFromRow, storedJobs } from '../../dist/state/jobs.js';
import { isServed } from './served.mjs';

const [url, from, to, step] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const database = openDatabase(url, 'cron-supervisor');
const registry = new Registry();
registry.replace((await storedJobs(database)).map(jobFromRow));
const { rows } = await database
  .selectFrom('cron_job')
  .select(({ fn }) => fn.min('judged_until').as('until'))
  .execute()
  .then((found) => ({ rows: found }));
// It goes on from where nobody has been judged yet, and so steps back at each start.
let now = Math.max(from, (rows[0]?.until?.getTime() ?? from) - 3 * step);
const clock = { now: () => now, monotonic: () => performance.now(), sleep: () => Promise.resolve() };
const config = { cron: { overrun: { factor: 2, at_least: 1000 }, retry_after: 1000 } };
const tell = (...words) => process.stderr.write(`${JSON.stringify(words)}\n`);
const log = { debug() {}, info() {}, warn: tell, error: tell };
const intake = new RunIntake({
  database,
  registry,
  config,
  clock,
  log,
  startable: () => false,
  answers: () => true,
  byHand: new ByHand(),
  stored() {},
});
const source = { name: 'zones', state: { kind: 'connected', detail: '' }, history: async () => [], running: async () => [] };
const self = { database, registry, intake, config, clock, log, sources: new Map([['zones', source]]), answers: () => true };
const slots = new SlotsRound({ ...self, metrics: new Metrics(), said() {} });

while (now < to) {
  const before = now;
  now = Math.min(to, now + step);
  const facts = [];
  for (const job of registry.jobs.values()) {
    for (let slot = nextSlot(job.schedule, before); slot !== undefined && slot <= now; slot = nextSlot(job.schedule, slot)) {
      if (!isServed(job.job_id, slot)) continue;
      const report = {
        job: job.external_id,
        started_at: slot + 5000,
        ended_at: slot + 6000,
        word: 'ok',
        completion: null,
        output: 'done',
      };
      facts.push(
        intake.take({
          kind: 'ended',
          job_id: job.job_id,
          report: { ...report, error: null, error_kind: null, delivery: null, exit_code: null, timeout_ms: null, ref: null },
        }),
      );
    }
  }
  await Promise.all(facts);
  while ((await slots.round()) === 0);
}
await database.destroy();
