import { availableParallelism, cpus } from 'node:os';
import { markdown, median } from '../deploy/table.mjs';
import { pause } from '../service-process.mjs';
import { startBurners } from './burners.mjs';
import { now } from './clock.mjs';
import { ratio, spread, verdict } from './figures.mjs';
import { withStand } from './stand.mjs';
import { allGood, toldLine, toldOf } from './told.mjs';

const LONGEST_MS = 1200;
const BURN_MS = 8000;
const THRESHOLD = 80;
const WHATS = { ours: 'level', monit: 'cpu', prometheus: 'cpu' };

/** All cores are burnt: how soon each of the three says so. */
export function cpu(bench) {
  const trials = bench.quick ? 3 : 12;
  return withStand(bench, 'cpu', async (stand) => {
    const watchers = await stand.watch({
      config: { guard: { cpu: { warn: THRESHOLD, critical: 90, emergency: 95, calm: '1s' } } },
      monit: (say) => [
        'check system machine',
        `  if cpu usage > ${THRESHOLD}% then exec "${say('cpu', 'bad')}" else if succeeded then exec "${say('cpu', 'good')}"`,
      ],
      rules: { cpu: `100 * (1 - avg(rate(node_cpu_seconds_total{mode="idle"}[3s]))) > ${THRESHOLD}` },
    });
    const times = { ours: [], monit: [], prometheus: [] };
    let dropped = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const context = { notices: stand.notices, watchers, whats: WHATS };
      await allGood(context);
      await quiet();
      await pause(Math.random() * 1000);
      const burners = await startBurners(availableParallelism(), BURN_MS);
      const since = now();
      const from = await burners.begin();
      const told = await toldOf({ ...context, since, from, within: BURN_MS });
      await burners.stop();
      // Others had filled the machine before: that trial says nothing.
      const spoilt = Object.values(told).some((ms) => ms < 0);
      if (spoilt) dropped += 1;
      else for (const [by, ms] of Object.entries(told)) times[by].push(ms);
      bench.say(`CPU ${trial + 1}: ${toldLine(told, WHATS)}`);
    }
    return section(times, trials - dropped, dropped);
  });
}

/** Waits until the machine is mostly idle; after half a minute it goes on all the same. */
async function quiet() {
  for (let look = 0; look < 60; look += 1) {
    const before = cpuTimes();
    await pause(500);
    const after = cpuTimes();
    if (after.idle - before.idle > 0.5 * (after.all - before.all)) return;
  }
}

function cpuTimes() {
  const times = cpus().map(({ times }) => times);
  const sum = (of) => times.reduce((total, each) => total + of(each), 0);
  return { idle: sum(({ idle }) => idle), all: sum((each) => Object.values(each).reduce((total, one) => total + one, 0)) };
}

function section(times, trials, dropped) {
  const longest = times.ours.length === trials ? Math.max(...times.ours) : Number.POSITIVE_INFINITY;
  const row = (who, all) => [
    who,
    `${all.length} of ${trials}`,
    spread(all),
    all === times.ours ? '' : ratio(median(times.ours), median(all)),
  ];
  const table = markdown(
    ['who', 'told', 'min / median / max, ms', 'our median is'],
    [
      row('ours: `guard.level-changed` on the stream, with its sustain as shipped', times.ours),
      row('monit: `cpu usage`, without any', times.monit),
      row('Prometheus + Alertmanager: `rate[3s]`, webhook', times.prometheus),
    ],
  );
  return `## All cores are burnt → notice

${table}

Bar: our longest ≤ ${LONGEST_MS} ms: ${verdict(longest <= LONGEST_MS)} (${longest.toFixed(0)}).

One burner for each core, at nice 0, all of them waiting before; from the first turn of the last one. All three say it above ${THRESHOLD} %.
${dropped} trials were dropped: something else had filled the machine before.`;
}
