// The cron supervisor under 10,000 jobs, beside a bare HTTP server in the same run; how soon it says what it knows; how often its weekly
// review is right. `pnpm bench cron`; `--quick` is a short look, `--only pings,evaluation,detection,review` a part, `--write` stores it in
// docs/bench-cron.md; `--rounds 1` pings fewer times.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openInstance } from '../packages/shared/dist/embedded/index.js';
import { detection } from './cron/detection.mjs';
import { evaluation } from './cron/evaluation.mjs';
import { steadiness } from './cron/machine.mjs';
import { pings } from './cron/pings.mjs';
import { review } from './cron/review.mjs';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    only: { type: 'string', default: 'pings,evaluation,detection,review' },
  },
});
const only = given.only.split(',');
const load = () => loadavg()[0].toFixed(1);
const folder = mkdtempSync(join(tmpdir(), 'ops-bench-cron-'));
// PostgreSQL may run as another user, and must get to its data.
chmodSync(folder, 0o711);
const before = load();
const steady = steadiness();
console.log(`the machine alone: ${steady}`);
const parts = [];
let instance;
try {
  // Its own Redis and PostgreSQL, that wait for the disk as an operator's do.
  instance = await openInstance({ home: join(folder, 'servers'), port: 0 });
  const { redisUrl, databaseUrl } = instance;
  const bench = { folder, quick: given.quick, rounds: given.rounds, redisUrl, databaseUrl, say: (line) => console.log(line) };
  for (const [name, part] of Object.entries({ pings, evaluation, detection, review }))
    if (only.includes(name)) parts.push(await part(bench));
} finally {
  await instance?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

const report = parts.join('\n\n');
console.log(`\n${report}`);
if (given.write) {
  const today = new Date().toISOString().slice(0, 10);
  const head = `# The cron supervisor, measured

\`pnpm bench cron --write\` on ${today}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), load ${before} before and ${load()} after, Node
${process.versions.node}. Redis and PostgreSQL are as \`ops up\` starts them, and wait for the disk. The supervisor is a process of its own; who pings is
another one on the same machine. The machine alone, before: ${steady}.`;
  writeFileSync(new URL('../docs/bench-cron.md', import.meta.url), `${head}\n\n${report}\n`);
}
