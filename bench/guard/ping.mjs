import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { quantile } from '../cron/supervisor.mjs';
import { markdown } from '../deploy/table.mjs';
import { startBurners } from './burners.mjs';
import { verdict } from './figures.mjs';

const ROLE = fileURLToPath(new URL('ping-role.mjs', import.meta.url));
const BURNERS = 4;
const LIMIT_MS = 10;

/** Redis answers under load, in a process that samples the host as well: how many answers are late because of that. */
export async function ping(bench) {
  const rounds = bench.quick ? 2 : 5;
  const found = { with: [], without: [] };
  let samples = 0;
  const burners = await startBurners(BURNERS, 120_000);
  try {
    await burners.begin();
    for (let round = 0; round < rounds; round += 1) {
      for (const how of round % 2 === 0 ? ['without', 'with'] : ['with', 'without']) {
        const { stdout } = await promisify(execFile)(process.execPath, [ROLE, bench.redisUrl, how]);
        const answer = JSON.parse(stdout);
        found[how].push(answer.pings);
        samples += answer.samples;
      }
    }
  } finally {
    await burners.stop();
  }
  const late = (pings) => pings.filter(({ ms }) => ms > LIMIT_MS).length;
  const row = (what, all) => {
    const times = all.flat().map(({ ms }) => ms);
    const quantiles = [0.5, 0.95, 1].map((share) => quantile(times, share).toFixed(1));
    return [what, quantiles.join(' / '), all.map(late).join(', ')];
  };
  const ours = found.with.flat().filter(({ ms, blocked }) => ms > LIMIT_MS && ms - blocked <= LIMIT_MS).length;
  const table = markdown(
    [`PING, ${rounds} × 100 each`, 'p50 / p95 / longest, ms', `over ${LIMIT_MS} ms, of each 100`],
    [row(`with our sampler (${samples} samples)`, found.with), row('without', found.without)],
  );
  return `## Redis answers under load, beside our sampler

${table}

Bar: none of them late because of us: ${verdict(ours === 0)} (${ours} of ${found.with.flat().length}: those that would have been in time without what a sample took).

${BURNERS} burners at nice 0; one kept connection, by turns with the sampler at the guard's own rate in the same process and without.`;
}
