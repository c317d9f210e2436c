import { spawn } from 'node:child_process';
import { markdown, median } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { now, until } from './clock.mjs';
import { endOf } from './ending.mjs';
import { ratio, spread, verdict } from './figures.mjs';
import { HOG, readMemory, watchMemory } from './meminfo.mjs';
import { withStand } from './stand.mjs';
import { allGood, toldLine, toldOf } from './told.mjs';

const BAR = 0.5;
const LONGEST_MS = 400;
// How far above what is used now the threshold stands, and how far past it the hog goes, in MiB.
const [ABOVE, PAST] = [1500, 800];
// It takes all but the last of that at once.
const [SPEED, LAST] = [500, 400];
const WHATS = { ours: 'level', monit: 'ram', prometheus: 'ram' };

/** Memory in use crosses a threshold: how soon each of the three says so. */
export function ram(bench) {
  const trials = bench.quick ? 5 : 50;
  const besidePeers = bench.quick ? 5 : 20;
  return withStand(bench, 'ram', async (stand) => {
    const { total, available } = readMemory();
    const line = available - ABOVE * 1024;
    const threshold = Number((100 * (1 - line / total)).toFixed(3));
    const high = { critical: 98, emergency: 99 };
    // A level that CPU has raised already would not change: here it may not.
    const cpu = { enter: '10m' };
    const watchers = await stand.watch({
      config: { guard: { ram: { warn: threshold, ...high, calm: '500ms', margin: 0.5 }, cpu } },
      monit: (say) => [
        'check system machine',
        `  if memory usage > ${threshold}% then exec "${say('ram', 'bad')}" else if succeeded then exec "${say('ram', 'good')}"`,
      ],
      rules: { ram: `100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) >= ${threshold}` },
    });
    const memory = stand.keep(await watchMemory(total * (1 - threshold / 100)));
    const times = { ours: [], monit: [], prometheus: [] };
    let dropped = 0;
    let done = 0;
    while (done < trials) {
      const whats = done < besidePeers ? WHATS : { ours: WHATS.ours };
      const context = { notices: stand.notices, watchers, whats };
      await allGood(context);
      await pause(Math.random() * 1000);
      const told = await crossed(context, memory, line);
      if (told === undefined) {
        dropped += 1;
        // Memory moves too much here: what was measured is said, and how much that is.
        if (dropped > trials) break;
        continue;
      }
      for (const [by, ms] of Object.entries(told)) times[by].push(ms);
      done += 1;
      bench.say(`RAM ${done}: ${toldLine(told, whats)}`);
    }
    if (done < besidePeers) throw new Error(`memory moves too much for this: ${done} trials in ${done + dropped}`);
    return section(times, { done, trials, dropped, besidePeers, threshold });
  });
}

/** @returns undefined where somebody else freed so much meanwhile that the threshold was not reached */
async function crossed(context, memory, line) {
  await until(() => readMemory().available > line + LAST * 1024, 30_000, 'memory is free again');
  const since = now();
  const wanted = (readMemory().available - line) / 1024;
  const hog = spawn(process.execPath, [HOG, ...[wanted - LAST, SPEED, wanted + PAST].map(String)], { stdio: 'ignore' });
  try {
    const past = until(() => memory.since(since) !== undefined, 8000, 'the hog is past the threshold');
    if (
      !(await past.then(
        () => true,
        () => false,
      ))
    )
      return undefined;
    return await toldOf({ ...context, since, from: memory.since(since), within: 10_000 });
  } finally {
    await endOf(hog, 'SIGKILL');
  }
}

function section(times, { done, trials, dropped, besidePeers, threshold }) {
  const [ours, monit] = [times.ours.length === done ? median(times.ours) : Number.POSITIVE_INFINITY, median(times.monit)];
  const longest = times.ours.length === done ? Math.max(...times.ours) : Number.POSITIVE_INFINITY;
  const row = (who, all, of) => [who, `${all.length} of ${of}`, spread(all), all === times.ours ? '' : ratio(ours, median(all))];
  const table = markdown(
    ['who', 'told', 'min / median / max, ms', 'our median is'],
    [
      row('ours: `guard.level-changed` on the stream', times.ours, done),
      row('monit: `memory usage`', times.monit, besidePeers),
      row('Prometheus + Alertmanager: MemAvailable, webhook', times.prometheus, besidePeers),
    ],
  );
  return `## Memory crosses a threshold → notice

${table}

Bars: our median ≤ ${BAR} × monit's: ${verdict(ours <= BAR * monit)} (${ratio(ours, monit)}); our longest ≤ ${LONGEST_MS} ms: ${verdict(longest <= LONGEST_MS)} (${longest.toFixed(0)}).

A hog takes memory at ${SPEED} MiB/s past ${threshold} % (total less available), ${ABOVE} MiB above what was in use. The crossing is
seen by a process that reads /proc/meminfo every millisecond. Ours enters as shipped; it calms in 500 ms here, so that trials follow each other.
${done} trials of ${trials}; ${dropped} more were dropped, because memory was freed elsewhere and the threshold was not crossed.`;
}
