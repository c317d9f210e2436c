// Runs inside a limited container: fills its memory to 87 % and uses all of its CPU, then says what the guard reads there, and what
// systeminformation does.
import { spawn } from 'node:child_process';
import { decideLevel, initialLevelState } from '/app/services/monitor/dist/decide/level.js';
import { nextInterval, untilEntered } from '/app/services/monitor/dist/decide/level-interval.js';
import { levelPolicy } from '/app/services/monitor/dist/decide/level-policy.js';
import { openHostSampler } from '/app/services/monitor/dist/host/open-sampler.js';

const FULL = 87;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const sampler = await openHostSampler({ mounts: ['/'] });
// First, since what they hold is part of what is filled.
const burners = [1, 2].map(() => spawn(process.execPath, ['--max-old-space-size=16', '-e', 'for (;;);'], { stdio: 'ignore' }));
const held = [];
while ((sampler.sample().ramPercent ?? 0) < FULL) {
  held.push(Buffer.alloc(2 * 1_048_576, 1));
  await pause(2);
}
const policy = levelPolicy();
let state = initialLevelState(Date.now());
const samples = [];
for (const end = Date.now() + 4_000; Date.now() < end; ) {
  const sample = sampler.sample();
  samples.push(sample);
  const now = Date.now();
  state = decideLevel(state, { sample }, policy, now).state;
  await pause(Math.min(nextInterval(sample, policy), untilEntered(state, policy, now) ?? 500));
}
const { default: si } = await import('/app/services/monitor/node_modules/systeminformation/lib/index.js');
await si.currentLoad();
await pause(1_000);
const [load, memory] = [await si.currentLoad(), await si.mem()];
for (const burner of burners) burner.kill('SIGKILL');
const median = (reading) => samples.map((sample) => sample[reading]).sort((a, b) => a - b)[Math.floor(samples.length / 2)];
const levels = Object.fromEntries(Object.entries(state.metrics).map(([metric, { level }]) => [metric, level]));
const systeminformation = { cpu: load.currentLoad, ram: (memory.active * 100) / memory.total };
process.stdout.write(
  JSON.stringify({
    level: state.level,
    levels,
    scope: samples.at(-1).scope,
    cpuPercent: median('cpuPercent'),
    cpuThrottledPercent: median('cpuThrottledPercent'),
    ramPercent: median('ramPercent'),
    systeminformation,
  }),
);
process.exit(0);
