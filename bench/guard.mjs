// The monitor as a guard, beside monit, Prometheus with Alertmanager, and earlyoom in the same run. `pnpm bench guard`; `--quick` is a short
// look, `--only death,ram` some of the parts, `--write` stores it in docs/bench-guard.md.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openInstance } from '../packages/shared/dist/embedded/index.js';
import { steadiness } from './cron/machine.mjs';
import { calm } from './guard/calm.mjs';
import { cost } from './guard/cost.mjs';
import { cpu } from './guard/cpu.mjs';
import { death } from './guard/death.mjs';
import { directives } from './guard/directives.mjs';
import { countedAlike } from './guard/meminfo.mjs';
import { openPeers } from './guard/peers.mjs';
import { ping } from './guard/ping.mjs';
import { ram } from './guard/ram.mjs';
import { hog } from './guard/runaway.mjs';
import { term } from './guard/stubborn.mjs';

const [byMemory, byHog, byTerm] = [ram, hog, term].map(countedAlike);
const PARTS = { death, ram: byMemory, cpu, hog: byHog, term: byTerm, directives, calm, cost, ping };
const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
  },
});
const only = given.only.split(',');
const load = () => loadavg()[0].toFixed(1);
const say = (line) => console.log(line);
const folder = mkdtempSync(join(tmpdir(), 'ops-bench-guard-'));
// PostgreSQL may run as another user, and must get to its data.
chmodSync(folder, 0o711);
const before = load();
const steady = steadiness();
say(`the machine alone: ${steady}`);
const peers = await openPeers();
for (const problem of peers.problems) say(`not fetched: ${problem}`);
const sections = [];
let instance;
try {
  instance = await openInstance({ home: join(folder, 'servers'), port: 0 });
  const { redisUrl, databaseUrl } = instance;
  const bench = { folder, quick: given.quick, redisUrl, databaseUrl, peers, say };
  for (const [name, part] of Object.entries(PARTS)) {
    if (!only.includes(name)) continue;
    // One part that cannot be measured must not cost the others.
    const section = await part(bench).catch((error) => {
      say(error.stack ?? error);
      return `## ${name}\n\nNot measured: ${error.message ?? error}`;
    });
    say(`\n${section}\n`);
    sections.push(section);
  }
} finally {
  await instance?.close();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

const versions = ['prometheus', 'alertmanager', 'node_exporter', 'monit', 'earlyoom'].map((name) =>
  peers[name] ? `${name} ${peers[name].version}` : `${name} is missing`,
);
const today = new Date().toISOString().slice(0, 10);
const report = `# The guard, measured

\`npm run bench guard\` on ${today}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), load ${before} before and ${load()} after, Node ${process.versions.node}.
The machine alone, before: ${steady}.

Beside it, from Debian's packages: ${versions.join(', ')}. Monit looks once a second (\`set daemon 1\`); Prometheus scrapes and evaluates once a
second, Alertmanager waits for nothing (\`group_wait: 0s\`).${peers.problems.map((problem) => `\nNot fetched: ${problem}`).join('')}

${sections.join('\n\n')}
`;
if (given.write) writeFileSync(new URL('../docs/bench-guard.md', import.meta.url), report);
