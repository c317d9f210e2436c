// What a look at the host costs: as the first process of a private pid namespace, where every process that is started counts. Answers one
// line of JSON. `node sampler-cost.mjs <samples> <processes>...`: so many samples, then the process table among so many processes.
// First: the flags that the monitor gives its V8.
import '../../services/monitor/dist/waiting-process.js';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseConfig } from '../../packages/shared/dist/config/index.js';
import { samplingOf } from '../../services/monitor/dist/decide/policies.js';
import { heaviest } from '../../services/monitor/dist/host/heaviest.js';
import { KeptStats } from '../../services/monitor/dist/host/kept-stats.js';
import { openHostSampler } from '../../services/monitor/dist/host/open-sampler.js';
import { readProcessTable, scanProcessTable } from '../../services/monitor/dist/host/process-table.js';
import { quantile } from '../cron/supervisor.mjs';
import { median } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { now, until } from './clock.mjs';

const BATCH = 500;
const ROUNDS = 15;
const WARM_UP = 30;
const WARM_UP_SAMPLES = 200;
const RUNS = 3;
const lastPid = () => Number(readFileSync('/proc/sys/kernel/ns_last_pid', 'utf8'));

function cpuMs() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** CPU and wall ms of each round, and what was started by all of them. */
async function cost(once, rounds, pauseMs) {
  const walls = [];
  const cpus = [];
  const before = lastPid();
  let cpu = cpuMs();
  for (let round = 0; round < rounds; round += 1) {
    const start = now();
    await once();
    walls.push(now() - start);
    await pause(pauseMs);
    const used = cpuMs();
    cpus.push(used - cpu);
    cpu = used;
  }
  return { cpus, walls, started: lastPid() - before };
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const spread = (walls) => ({ p50: median(walls), p99: quantile(walls, 0.99), most: Math.max(...walls) });

/** Medians of some runs. A monitor runs for weeks: the first samples, during which V8 still compiles, are left out. */
async function ofSample(rounds, told) {
  const sampler = await openHostSampler(told);
  const sample = () => sampler.sampleInSlices();
  await cost(sample, WARM_UP_SAMPLES, 25);
  const runs = [];
  for (let run = 0; run < RUNS; run += 1) runs.push(await oneRun(sample, rounds));
  sampler.close();
  const middle = (of) => median(runs.map(of));
  const spreads = (of) => ({
    p50: middle((run) => of(run).p50),
    p99: middle((run) => of(run).p99),
    most: Math.max(...runs.map((run) => of(run).most)),
  });
  return {
    cpu: middle(({ cpu }) => cpu),
    started: Math.max(...runs.map(({ started }) => started)),
    blocked: spreads(({ blocked }) => blocked),
    floor: spreads(({ floor }) => floor),
  };
}

/** Beside a bare loop of the same length, by turns: what a machine that takes its processors away adds to both. */
async function oneRun(sample, rounds) {
  const alone = await cost(sample, rounds, 25);
  const turns = loopOf(median(alone.walls));
  const blocked = [];
  const floor = [];
  for (let round = 0; round < rounds; round += 1) {
    blocked.push(await longestTurn(sample));
    await pause(12);
    floor.push(...(await cost(() => loop(turns), 1, 13)).walls);
  }
  const empty = await cost(() => undefined, rounds, 25);
  return {
    cpu: Math.max(0, mean(alone.cpus) - mean(empty.cpus)),
    started: alone.started,
    blocked: spread(blocked),
    floor: spread(floor),
  };
}

/** The longest that anybody else waited for a turn of the event loop while one sample was taken, in ms: somebody else wants each turn. */
async function longestTurn(sample) {
  let last = now();
  let longest = 0;
  const seen = () => {
    const at = now();
    longest = Math.max(longest, at - last);
    last = at;
  };
  let turn = setImmediate(function again() {
    seen();
    turn = setImmediate(again);
  });
  await sample();
  seen();
  clearImmediate(turn);
  return longest;
}

function loop(turns) {
  let value = 0;
  for (let turn = 0; turn < turns; turn += 1) value = (value * 31 + turn) | 0;
  return value;
}

/** So many turns of the loop take that long. */
function loopOf(ms) {
  const turns = 1_000_000;
  const walls = [];
  for (let round = 0; round < 30; round += 1) {
    const start = now();
    loop(turns);
    walls.push(now() - start);
  }
  return Math.round((turns * ms) / median(walls));
}

async function ofTable() {
  const kept = new KeptStats();
  let table = readProcessTable();
  const readWith = (kept) => () => {
    table = readProcessTable({ detailsOf: heaviest(40, table), kept });
  };
  const read = readWith(kept);
  const empty = await cost(() => undefined, ROUNDS, 20);
  // A monitor runs for weeks: the first readings, during which V8 still compiles, are told apart.
  const first = await cost(read, 1, 20);
  await cost(read, WARM_UP, 20);
  const light = await cost(read, ROUNDS, 20);
  const anew = await cost(readWith(undefined), ROUNDS, 20);
  const sliced = await inSlices(table, kept);
  kept.close();
  const above = (cpus) => Math.max(0, median(cpus) - median(empty.cpus));
  return {
    processes: table.processes.length,
    cpu: above(light.cpus),
    anew: above(anew.cpus),
    first: first.cpus[0],
    wall: median(light.walls),
    started: light.started,
    sliced,
  };
}

/** As the monitor reads it: how long it takes, and the longest that anything else had to wait meanwhile. Medians. */
async function inSlices(table, kept) {
  const walls = [];
  const blocked = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await pause(20);
    delay.reset();
    const start = now();
    await scanProcessTable({ detailsOf: heaviest(40, table), kept });
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

const { guard } = parseConfig('inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }');
const [samples, ...sizes] = process.argv.slice(2).map(Number);
const sample = await ofSample(samples, samplingOf(guard));
const near = await ofSample(samples, { ...samplingOf(guard), ramMattersFromPercent: 0 });
const tables = [];
for (const size of sizes) {
  await fill(size);
  await pause(500);
  tables.push(await ofTable());
}
process.stdout.write(`${JSON.stringify({ sample, near, tables })}\n`);
process.exit();
