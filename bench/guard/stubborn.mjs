import { markdown } from '../deploy/table.mjs';
import { now, until } from './clock.mjs';
import { spread, verdict } from './figures.mjs';
import { Dens, privateDensWork } from './private-den.mjs';

const GRACE_MS = 1000;
const LATE_MS = 300;
// The MiB past the line that the hog holds: between the TERM and the KILL threshold of earlyoom, which is half of it.
const PAST = 300;

/** A hog that ignores SIGTERM and takes no more: when it is dead. */
export async function term(bench) {
  if (!(await privateDensWork())) return '## A victim that ignores SIGTERM\n\nNot measured: it needs `unshare --pid`, as root.';
  const trials = bench.quick ? 3 : 20;
  const ours = await endings(bench, 'ours', trials, 10_000);
  bench.say(`a stubborn hog, ours: ${ours.map((ms) => ms?.toFixed(0) ?? 'alive').join(', ')} ms`);
  const patience = bench.quick ? 5000 : 20_000;
  const beside = bench.peers.earlyoom ? await endings(bench, 'earlyoom', bench.quick ? 1 : 2, patience) : [];
  bench.say(`a stubborn hog, earlyoom: ${beside.map((ms) => ms?.toFixed(0) ?? 'alive').join(', ')}`);
  const dead = (times) => times.filter((ms) => ms !== undefined);
  const inTime = dead(ours).filter((ms) => ms <= GRACE_MS + LATE_MS);
  const row = (who, times, waited) => [
    who,
    `${dead(times).length} of ${times.length}`,
    spread(dead(times)),
    `${waited / 1000} s`,
  ];
  const table = markdown(
    ['who', 'dead', 'crossed → dead, min / median / max, ms', 'waited'],
    [row('ours', ours, 10_000), row('earlyoom', beside, patience)],
  );
  return `## A victim that ignores SIGTERM

${table}

Bar: dead within the grace time + ${LATE_MS} ms (${GRACE_MS + LATE_MS} ms) in all: ${verdict(inTime.length === trials)} (${inTime.length} of ${trials}).

The hog goes ${PAST} MiB past the line, holds that and ignores SIGTERM; counted from the crossing, so what it takes to see it is in it. For earlyoom
that is between its two thresholds (SIGKILL at half of what SIGTERM is sent at, as shipped).`;
}

async function endings(bench, who, trials, patience) {
  const dens = new Dens(bench, who, `stubborn-${who}`);
  const times = [];
  try {
    for (let trial = 0; trial < trials; trial += 1) {
      const den = await dens.next();
      const since = now();
      den.hog(den.above() - 400, 500, den.above() + PAST, 'stubborn');
      const gone = () => den.deadSince(since) !== undefined;
      await until(() => den.crossedSince(since) !== undefined, 5000, 'the hog is past the line').catch(() => undefined);
      const crossed = den.crossedSince(since);
      await until(gone, crossed === undefined ? 0 : patience, 'it is dead').catch(() => undefined);
      // Without a crossing somebody else has given memory back: that trial says nothing.
      if (crossed === undefined) trial -= 1;
      else times.push(gone() ? den.deadSince(since) - crossed : undefined);
      den.end();
      await until(gone, 5000, 'the hog is gone');
    }
    return times;
  } finally {
    await dens.stop();
  }
}
