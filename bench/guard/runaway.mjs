import { markdown, median } from '../deploy/table.mjs';
import { now, until } from './clock.mjs';
import { ratio, spread, verdict } from './figures.mjs';
import { Dens, privateDensWork } from './private-den.mjs';

const BAR = 1.25;
const BOUND_MIB = 2600;
// MiB/s, and the MiB before the line in which it has that speed; what comes before is taken at once.
const SPEEDS = [
  { name: '100 MiB/s', speed: 100, run: 300 },
  { name: '500 MiB/s', speed: 500, run: 700 },
  { name: 'full speed', speed: 0, run: Number.POSITIVE_INFINITY },
];

/** A memory hog crosses the line: how soon it is dead, by our monitor and by earlyoom in turns. */
export async function hog(bench) {
  if (!(await privateDensWork())) return '## A memory hog → dead\n\nNot measured: it needs `unshare --pid`, as root.';
  const rounds = bench.quick ? 1 : 2;
  const trials = bench.quick ? 1 : 4;
  const whos = bench.peers.earlyoom ? ['ours', 'earlyoom'] : ['ours'];
  const rows = SPEEDS.map(({ name }) => ({ name, ours: [], earlyoom: [] }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, speed] of SPEEDS.entries()) {
      // Each goes first as often as the other.
      for (const who of (round + index) % 2 === 0 ? whos : whos.toReversed()) {
        const times = await block(bench, who, speed, trials, `hog-${round}-${index}-${who}`);
        rows[index][who].push(...times);
        bench.say(`hog at ${speed.name}, ${who}: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
      }
    }
  }
  return section(rows, rounds * trials);
}

async function block(bench, who, { speed, run }, trials, name) {
  const dens = new Dens(bench, who, name);
  const times = [];
  try {
    for (let trial = 0; trial < trials; trial += 1) {
      const den = await dens.next();
      const since = now();
      den.hog(Math.max(0, den.above() - run), speed, BOUND_MIB);
      await until(() => den.deadSince(since) !== undefined, 20_000, `${who} ends the hog`).catch(async (error) =>
        bench.say(`${error.message}: ${den.above().toFixed(0)} MiB above the line; ${await den.guardSays()}`),
      );
      const [crossed, dead] = [den.crossedSince(since), den.deadSince(since)];
      if (crossed !== undefined && dead !== undefined) times.push(dead - crossed);
      den.end();
    }
    return times;
  } finally {
    await dens.stop();
  }
}

function section(rows, trials) {
  const all = { name: 'all', ours: rows.flatMap(({ ours }) => ours), earlyoom: rows.flatMap(({ earlyoom }) => earlyoom) };
  const complete = all.ours.length === trials * rows.length;
  const shown = [...rows, all].map(({ name, ours, earlyoom }) => [
    name,
    `${ours.length}`,
    spread(ours),
    `${earlyoom.length}`,
    spread(earlyoom),
    ours.length > 0 && earlyoom.length > 0 ? ratio(median(ours), median(earlyoom)) : '',
  ]);
  const met = complete && rows.concat(all).every(({ ours, earlyoom }) => median(ours) <= BAR * median(earlyoom));
  return `## A memory hog crosses the line → dead

${markdown(['hog', 'n', 'ours: min / median / max, ms', 'n', 'earlyoom: min / median / max, ms', 'our median is'], shown)}

Bar: our median ≤ ${BAR} × earlyoom's, at each speed and in all: ${verdict(met)}.

Each guard in a pid namespace of its own, where it sees the hog alone; by turns in blocks of the same run. The line is 1.2 GiB below what was
available; its crossing is seen by a process that reads /proc/meminfo every millisecond, the death by the hog's parent. Ours: \`mode: on\`.`;
}
