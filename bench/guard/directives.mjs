import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../packages/shared/dist/config/index.js';
import { createPublisher, openClient } from '../../packages/shared/dist/streams/index.js';
import { responseFor } from '../../services/monitor/dist/decide/response.js';
import { steadiness } from '../cron/machine.mjs';
import { quantile } from '../cron/supervisor.mjs';
import { markdown } from '../deploy/table.mjs';
import { pause, startService } from '../service-process.mjs';
import { now, until } from './clock.mjs';
import { endOf } from './ending.mjs';
import { verdict } from './figures.mjs';
import { eventOf, followStreams } from './follow.mjs';

const FLOOR = fileURLToPath(new URL('directives-floor.mjs', import.meta.url));
const BAR_MS = 20;
const HOST = 'bench-directives';
const STREAMS = ['ops:guard', 'ops:directives', 'bench:directives'];

/** A change of level is published: how soon the last of its directives is written, beside a process that only reads and writes as much. */
export async function directives(bench) {
  const changes = bench.quick ? 60 : 250;
  const seen = await readStreams(bench.redisUrl);
  const client = openClient(bench.redisUrl, 'ops-bench');
  await client.connect();
  const publisher = createPublisher({ client, origin: { service: 'monitor', host: HOST }, now: () => Date.now() });
  const scaler = await startService(bench, 'scaler', { host: HOST, swarm: { acknowledge_within: '1h' } }, 'directives-scaler');
  let floor;
  try {
    const table = parseConfig('inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }').guard
      .response;
    const change = (index) => publisher.publish([levelChanged(index, table)]);
    const count = await directivesOf(change, seen);
    floor = spawn(process.execPath, [FLOOR, bench.redisUrl, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => floor.stdout.once('data', resolve));
    const times = { ours: [], byIds: [], floor: [] };
    for (let index = 3; index < changes + 3; index += 1) {
      const began = now();
      const [event] = await change(index);
      const written = await seen.all((one) => one.type === 'directive.issued' && one.generation === event.data.generation, count);
      const asked = seen.find((one) => one.type === 'guard.level-changed' && one.generation === event.data.generation);
      times.ours.push(Math.max(...written.map(({ at }) => at)) - began);
      times.byIds.push(Math.max(...written.map(({ ms }) => ms)) - asked.ms);
      await delay(20 + Math.random() * 30);
      const asking = now();
      await client.xadd('bench:levels', '*', 'change', String(index));
      const answered = await seen.all((one) => one.change === String(index), count);
      times.floor.push(Math.max(...answered.map(({ at }) => at)) - asking);
      await delay(20 + Math.random() * 30);
    }
    return section(times, count);
  } finally {
    if (floor) await endOf(floor);
    await scaler.stop();
    await publisher.close();
    client.disconnect();
    await seen.close();
  }
}

// To and fro between the two levels that lie furthest apart: every directive that there is, each time.
function levelChanged(index, table) {
  const [level, from] = index % 2 === 0 ? ['emergency', 'normal'] : ['normal', 'emergency'];
  const generation = Date.now();
  const readings = { cpu_percent: 50, iowait_percent: 0, cpu_pressure: 0, ram_percent: 95, disk_percent: 10 };
  return {
    type: 'guard.level-changed',
    subject: HOST,
    host: HOST,
    purpose: `${HOST}/${index}`,
    data: {
      host: HOST,
      level,
      from,
      generation,
      reason: 'the benchmark says so',
      metric: 'ram',
      source: 'own',
      readings,
      response: responseFor(level, table),
      top_processes: null,
      since: new Date().toISOString(),
    },
  };
}

/** How many directives a change has: of the third, for the first may find another state. */
async function directivesOf(change, seen) {
  let event;
  for (let index = 0; index < 3; index += 1) {
    [event] = await change(index);
    await pause(1000);
  }
  const count = () => seen.count((one) => one.type === 'directive.issued' && one.generation === event.data.generation);
  // It reads what the parts before have left in the stream first.
  await until(() => count() > 0, 60_000, 'a directive of the scaler');
  await pause(1000);
  return count();
}

async function readStreams(redisUrl) {
  const entries = [];
  const close = await followStreams(redisUrl, STREAMS, ({ id, fields, at }) => {
    const ms = Number(id.split('-')[0]);
    if (fields[0] === 'change') entries.push({ at, ms, change: fields[1] });
    else {
      const event = eventOf(fields);
      entries.push({ at, ms, type: event.type, generation: event.data.generation });
    }
  });
  return {
    find: (fits) => entries.findLast(fits),
    count: (fits) => entries.filter(fits).length,
    async all(fits, count) {
      const recent = () => entries.slice(-200).filter(fits);
      await until(() => recent().length >= count, 10_000, `${count} entries`);
      return recent();
    },
    close,
  };
}

function section({ ours, byIds, floor }, count) {
  const row = (what, times) => [what, ...[0.5, 0.99, 1].map((share) => quantile(times, share).toFixed(1))];
  const p99 = quantile(byIds, 0.99);
  const table = markdown(
    [`${ours.length} changes, ${count} directives each`, 'p50, ms', 'p99, ms', 'longest, ms'],
    [
      row('ours: both by their ids on the streams', byIds),
      row('ours: published → the last one is heard', ours),
      row('a bare process that reads one entry and writes as many', floor),
    ],
  );
  return `## A change of level → its last directive

${table}

Bar: p99 by the ids ≤ ${BAR_MS} ms: ${verdict(p99 <= BAR_MS)} (${p99.toFixed(1)}; ${(quantile(ours, 0.99) / quantile(floor, 0.99)).toFixed(1)} × the floor's, each as it is heard).

The scaler as a process of its own; changes between normal and emergency, each followed by one of the floor. Redis waits for its disk as \`ops up\`
has it. The machine right after it: ${steadiness()}.`;
}
