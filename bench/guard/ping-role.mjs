// A hundred PINGs on one connection, 20 ms apart: `node ping-role.mjs <Redis URL> with|without`. `with`: our sampler looks at the host in the
// same process meanwhile, as often as the guard does. Answers one line of JSON: how long each took, and how much
// of that a sample took, turns that it gave to others included.
import { createRequire } from 'node:module';
import { parseConfig } from '../../packages/shared/dist/config/index.js';
import { nextInterval } from '../../services/monitor/dist/decide/level-interval.js';
import { levelPolicyOf, samplingOf } from '../../services/monitor/dist/decide/policies.js';
import { openHostSampler } from '../../services/monitor/dist/host/open-sampler.js';
import { pause } from '../service-process.mjs';
import { now } from './clock.mjs';

const { Redis } = createRequire(new URL('../../packages/shared/package.json', import.meta.url))('ioredis');
const [url, how] = process.argv.slice(2);
const { guard } = parseConfig('inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }');
const levels = levelPolicyOf(guard);
const samples = [];
if (how === 'with') {
  const sampler = await openHostSampler(samplingOf(guard));
  const look = async () => {
    const began = now();
    const sample = await sampler.sampleInSlices();
    samples.push({ began, ended: now() });
    setTimeout(look, Math.min(nextInterval(sample.ok ? sample : null, levels), guard.interval));
  };
  void look();
}
const redis = new Redis(url);
for (let warm = 0; warm < 10; warm += 1) await redis.ping();
const pings = [];
for (let index = 0; index < 100; index += 1) {
  const began = now();
  await redis.ping();
  const ended = now();
  const blocked = samples
    .slice(-20)
    .reduce((total, sample) => total + Math.max(0, Math.min(ended, sample.ended) - Math.max(began, sample.began)), 0);
  pings.push({ ms: ended - began, blocked });
  await pause(20);
}
process.stdout.write(`${JSON.stringify({ pings, samples: samples.length })}\n`);
process.exit();
