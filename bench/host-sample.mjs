// What one look at the host costs, against systeminformation in the same run. Build first: `npm run build`.
// CPU is ours and that of the children we waited for; "started" counts processes of the whole machine, so run it on a quiet one.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openHostSampler } from '../services/monitor/dist/host/open-sampler.js';
import { heaviest, readProcessTable } from '../services/monitor/dist/host/process-table.js';

const si = createRequire(new URL('../services/monitor/package.json', import.meta.url))('systeminformation');
function cpuMs() {
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ')[1]?.split(' ') ?? [];
  const children = (Number(fields[13]) + Number(fields[14])) * 10;
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000 + children;
}

const forks = () => Number(/^processes (\d+)/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1]);

async function measure(name, once, rounds = 40, pauseMs = 0) {
  await once();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const walls = [];
  const [cpu, started] = [cpuMs(), forks()];
  for (let i = 0; i < rounds; i++) {
    const begun = performance.now();
    await once();
    walls.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
  delay.disable();
  walls.sort((a, b) => a - b);
  const result = {
    wallMs: walls[Math.floor(rounds / 2)],
    cpuMs: (cpuMs() - cpu) / rounds,
    started: (forks() - started) / rounds,
  };
  const blocked = Math.max(0, delay.max / 1e6 - 1);
  console.log(
    `${name.padEnd(34)} wall ${result.wallMs.toFixed(2)} ms, CPU ${result.cpuMs.toFixed(2)} ms, started ${result.started.toFixed(1)}, loop blocked at most ${blocked.toFixed(1)} ms`,
  );
  return result;
}

const sampler = await openHostSampler({ mounts: ['/'] });
const ours = await measure('sample', () => Promise.resolve(sampler.sample()));
const theirs = await measure('systeminformation load+mem+fs', () => Promise.all([si.currentLoad(), si.mem(), si.fsSize()]));
sampler.close();
const table = readProcessTable();
await measure(`process table, all (${table.processes.length})`, () => Promise.resolve(readProcessTable()));
const light = await measure('process table, heaviest 40', () =>
  Promise.resolve(readProcessTable({ detailsOf: heaviest(40, table) })),
);
// It answers from a cache for half a second.
const heavy = await measure('systeminformation processes', () => si.processes(), 5, 600);
console.log(
  `a sample costs 1/${Math.round(theirs.cpuMs / ours.cpuMs)} of theirs, a process table 1/${Math.round(heavy.cpuMs / light.cpuMs)}`,
);
