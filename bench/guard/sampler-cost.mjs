// What a look at the host costs: as the first process of a private pid namespace, where every process that is started counts. Answers one
// line of JSON. `node sampler-cost.mjs <samples> <processes>...`: so many samples, then the process table among so many processes.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { heaviest } from '../../services/monitor/dist/host/heaviest.js';
import { openHostSampler } from '../../services/monitor/dist/host/open-sampler.js';
import { readProcessTable, scanProcessTable } from '../../services/monitor/dist/host/process-table.js';
import { quantile } from '../cron/supervisor.mjs';
import { median } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { now, until } from './clock.mjs';

const BATCH = 500;
const ROUNDS = 15;
const lastPid = () => Number(readFileSync('/proc/sys/kernel/ns_last_pid', 'utf8'));

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU and wall ms of each, less what an empty round costs; what it blocks is its wall time. */
async function cost(once, rounds, pauseMs) {
  const walls = [];
  const begun = [cpuMs(), lastPid()];
  for (let round = 0; round < rounds; round += 1) {
    const start = now();
    once();
    walls.push(now() - start);
    await pause(pauseMs);
  }
  return { cpu: (cpuMs() - begun[0]) / rounds, walls, started: lastPid() - begun[1] };
}

async function ofSample(rounds) {
  const sampler = await openHostSampler({ mounts: ['/'] });
  await cost(() => sampler.sample(), 20, 25);
  const sample = await cost(() => sampler.sample(), rounds, 25);
  sampler.close();
  const empty = await cost(() => undefined, rounds, 25);
  return {
    cpu: Math.max(0, sample.cpu - empty.cpu),
    started: sample.started,
    blocked: { p50: median(sample.walls), p99: quantile(sample.walls, 0.99), most: Math.max(...sample.walls) },
  };
}

async function ofTable() {
  let table = readProcessTable();
  const light = await cost(
    () => {
      table = readProcessTable({ detailsOf: heaviest(40, table) });
    },
    ROUNDS,
    20,
  );
  return {
    processes: table.processes.length,
    cpu: light.cpu,
    wall: median(light.walls),
    started: light.started,
    sliced: await inSlices(table),
  };
}

/** As the monitor reads it: how long it takes, and the longest that anything else had to wait meanwhile. Medians. */
async function inSlices(table) {
  const walls = [];
  const blocked = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await pause(20);
    delay.reset();
    const start = now();
    await scanProcessTable({ detailsOf: heaviest(40, table) });
    walls.push(now() - start);
    await pause(5);
    delay.disable();
    blocked.push(delay.max / 1e6);
  }
  return { wall: median(walls), blocked: median(blocked) };
}

/** Sleepers in batches, each batch the children of one shell. They end with this namespace. */
async function fill(wanted) {
  const have = () => readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
  while (have() < wanted) {
    const [before, more] = [have(), Math.min(BATCH, wanted - have())];
    spawn('sh', ['-c', `i=0; while [ $i -lt ${more} ]; do sleep 300 & i=$((i+1)); done; wait`], { stdio: 'ignore' });
    await until(() => have() >= before + more, 60_000, 'the sleepers sleep');
  }
}

const [samples, ...sizes] = process.argv.slice(2).map(Number);
const sample = await ofSample(samples);
const tables = [];
for (const size of sizes) {
  await fill(size);
  await pause(500);
  tables.push(await ofTable());
}
process.stdout.write(`${JSON.stringify({ sample, tables })}\n`);
process.exit();
