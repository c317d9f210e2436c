import { spawn } from 'node:child_process';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../packages/shared/dist/storage/index.js';
import { pause, quantile, startSupervisor, TOKEN } from './supervisor.mjs';

const JOBS = 10_000;
const FLOOR = fileURLToPath(new URL('floor.mjs', import.meta.url));

/** 10,000 jobs, each pinged once a minute; the same load on a bare HTTP server for the floor. */
export async function pings(bench) {
  const seconds = bench.quick ? 20 : 60;
  const rounds = Number(bench.rounds ?? (bench.quick ? 1 : 3));
  const jobs = Array.from({ length: JOBS }, (_, index) => ({ id: `job-${index}`, schedule: '* * * * *', grace: '90s' }));
  // The floor first: jobs that nobody pings meanwhile would be missed.
  const bare = [];
  const floor = await startFloor();
  for (let round = 0; round < rounds; round += 1) bare.push(await ping(floor.port, JOBS, seconds));
  floor.child.kill();
  const supervisor = await startSupervisor(bench, { jobs }, 'pings');
  const results = [];
  try {
    for (let round = 0; round < rounds; round += 1) {
      const before = await count(bench.databaseUrl, 'cron_run');
      const ours = await ping(supervisor.port, JOBS, seconds);
      const kept = (await count(bench.databaseUrl, 'cron_run')) - before;
      results.push({ bare: bare[round], ours, kept });
      bench.say(
        `pings ${round + 1}: p99 ${quantile(ours.times, 0.99).toFixed(1)} ms (floor ${quantile(bare[round].times, 0.99).toFixed(1)}), ${ours.failed} failed, ${kept} of ${JOBS} stored`,
      );
    }
    const metrics = await (await fetch(`${supervisor.address}/metrics`)).text();
    const evaluated = Number(/ops_cron_evaluation_seconds_sum (\S+)/.exec(metrics)?.[1]);
    const evaluations = Number(/ops_cron_evaluation_seconds_count (\S+)/.exec(metrics)?.[1]);
    const within = Number(/ops_cron_evaluation_seconds_bucket\{le="0.1"\} (\S+)/.exec(metrics)?.[1]);
    const missed = await count(bench.databaseUrl, 'cron_missed');
    const median = (pick) => quantile(results.map(pick), 0.5);
    const p99 = median(({ ours }) => quantile(ours.times, 0.99));
    const floor99 = median(({ bare }) => quantile(bare.times, 0.99));
    const lost = results.reduce((sum, { ours, kept }) => sum + (JOBS - ours.failed - kept), 0);
    const failed = results.reduce((sum, { ours }) => sum + ours.failed, 0);
    return `## ${JOBS.toLocaleString('en')} heartbeat jobs, each pinged once in ${seconds} s (medians of ${rounds} rounds)

| | ours | bare HTTP server | ratio | bar | |
| --- | --- | --- | --- | --- | --- |
| p50 of a ping | ${median(({ ours }) => quantile(ours.times, 0.5)).toFixed(1)} ms | ${median(({ bare }) => quantile(bare.times, 0.5)).toFixed(1)} ms | | | |
| p99 of a ping, answered once it is on disk | ${p99.toFixed(1)} ms | ${floor99.toFixed(1)} ms | ${(p99 / floor99).toFixed(1)} | ≤ 50 ms | ${p99 <= 50 ? 'met' : 'missed'} |
| longest | ${Math.max(...results.map(({ ours }) => Math.max(...ours.times))).toFixed(0)} ms | | | | |
| pings that were answered and are not stored | ${lost} | | | 0 | ${lost === 0 ? 'met' : 'missed'} |
| pings that were refused | ${failed} | | | | |
| an evaluation meanwhile, mean (${evaluations} of them, ${((within / evaluations) * 100).toFixed(2)} % within 100 ms) | ${((evaluated / evaluations) * 1000).toFixed(1)} ms | | | ≤ 100 ms | ${within === evaluations ? 'met' : 'see below'} |
| slots that were called missed | ${missed} | | | | |`;
  } finally {
    await supervisor.stop();
  }
}

// Evenly over the time, each when its turn comes, whether or not those before have been answered.
async function ping(port, jobs, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: 200 });
  const times = [];
  let failed = 0;
  const began = performance.now();
  const sent = [];
  for (let index = 0; index < jobs; index += 1) {
    const due = began + (index * seconds * 1000) / jobs;
    const early = due - performance.now();
    if (early > 1) await pause(early);
    sent.push(
      one(port, `/ping/job-${index}`, agent).then(
        (ms) => times.push(ms),
        (error) => {
          failed += 1;
          process.stderr.write(`${error.message}\n`);
        },
      ),
    );
  }
  await Promise.all(sent);
  agent.destroy();
  return { times, failed };
}

function one(port, path, agent) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method: 'POST', agent, headers: { authorization: `Bearer ${TOKEN}` } },
      (response) => {
        response.resume();
        response.on('end', () =>
          response.statusCode === 200
            ? resolve(performance.now() - began)
            : reject(new Error(`a ping was answered ${response.statusCode}`)),
        );
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

async function count(databaseUrl, table) {
  const database = openDatabase(databaseUrl, 'cron-supervisor');
  const row = await database
    .selectFrom(table)
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirst();
  await database.destroy();
  return Number(row.count);
}

async function startFloor() {
  const child = spawn(process.execPath, [FLOOR], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => child.stdout.once('data', (data) => resolve(Number(data))));
  return { child, port };
}
