import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';
import { migrate, openDatabase } from '../../packages/shared/dist/storage/index.js';
import { ByHand } from '../../services/cron-supervisor/dist/by-hand.js';
import { migrations } from '../../services/cron-supervisor/dist/migrations/index.js';
import { RunIntake } from '../../services/cron-supervisor/dist/on/run-intake.js';
import { SlotsRound } from '../../services/cron-supervisor/dist/on/slots-round.js';
import { Registry } from '../../services/cron-supervisor/dist/registry.js';
import { registerJobs } from '../../services/cron-supervisor/dist/state/jobs.js';
import { quantile } from './supervisor.mjs';

// prom-client is the service's, not the benchmarks'.
const { Registry: Metrics } = createRequire(new URL('../../services/cron-supervisor/package.json', import.meta.url))(
  'prom-client',
);
const JOBS = 10_000;
const MINUTE = 60_000;

/** One evaluation of 10,000 jobs: while all is well, at the moment when all are judged, and when all have missed a slot at once. */
export async function evaluation(bench) {
  const database = openDatabase(bench.databaseUrl, 'cron-supervisor');
  await migrate(database, 'cron-supervisor', migrations);
  await database.deleteFrom('cron_job').execute();
  let now = Math.ceil(Date.now() / MINUTE) * MINUTE + 30 * 86_400_000;
  const sleep = (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined);
  const clock = { now: () => now, monotonic: () => performance.now(), sleep };
  const policy = {
    expected_ms: null,
    expected_from: 'default',
    grace_ms: 5000,
    retry: false,
    kill: false,
    output: {},
    class: 'non-revenue',
  };
  const jobs = Array.from({ length: JOBS }, (_, index) => ({
    job_id: `bench/${index}`,
    source: 'bench',
    external_id: String(index),
    name: String(index),
    purpose: '',
    agent: null,
    enabled: true,
    schedule: { kind: 'cron', expression: '* * * * *', time_zone: index % 2 === 0 ? 'UTC' : 'Europe/Berlin' },
    policy,
    timeout_ms: null,
    problem: null,
  }));
  const log = { debug() {}, info() {}, warn() {}, error: (...words) => bench.say(words) };
  await registerJobs(database, 'bench', jobs, { now, unread: [], log });
  const registry = new Registry();
  registry.replace(jobs);
  const config = { cron: { overrun: { factor: 2, at_least: 1000 }, retry_after: 1000 } };
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
  const source = { name: 'bench', state: { kind: 'connected', detail: '' }, history: async () => [], running: async () => [] };
  const round = new SlotsRound({
    database,
    registry,
    intake,
    config,
    clock,
    log,
    metrics: new Metrics(),
    said() {},
    sources: new Map([['bench', source]]),
    // Of whoever can be asked: the clock jumps here, which others would take for an absence of ours.
    answers: () => true,
  });
  const timed = async () => {
    const began = performance.now();
    while ((await round.round()) === 0);
    return performance.now() - began;
  };
  const [calm, missed] = [[], []];
  const repeats = bench.quick ? 3 : 7;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    now += MINUTE;
    const report = (job) => ({
      job: job.external_id,
      started_at: now,
      ended_at: now + 10,
      word: 'ok',
      completion: null,
      output: null,
      error: null,
      error_kind: null,
      delivery: null,
      exit_code: 0,
      timeout_ms: null,
      ref: null,
    });
    await Promise.all(jobs.map((job) => intake.take({ kind: 'ended', job_id: job.job_id, report: report(job) })));
    now += 5001;
    calm.push(await timed());
    now += MINUTE;
    missed.push(await timed());
    now = Math.floor(now / MINUTE) * MINUTE;
    await database.deleteFrom('cron_event').execute();
  }
  await database.deleteFrom('cron_job').where('source', '=', 'bench').execute();
  await database.destroy();
  const row = (what, values, bar) => {
    const median = quantile(values, 0.5);
    return `| ${what} | ${median.toFixed(1)} ms | ${Math.max(...values).toFixed(1)} ms | ${bar === undefined ? '' : `≤ ${bar} ms`} | ${bar === undefined ? '' : median <= bar ? 'met' : 'missed'} |`;
  };
  return `## One evaluation of ${JOBS.toLocaleString('en')} jobs whose slots all end at the same moment (${repeats} repetitions)

| | median | longest | bar | |
| --- | --- | --- | --- | --- |
${row('every slot was served: what is asked four times a second', calm, 100)}
${row('every slot is missed: judged, stored, and told of', missed)}`;
}
