// The deployer beside `docker compose up --wait` and beside Docker Swarm's automatic rollback, and its own times, on one engine in one run.
// `node tools/docker-engine.mjs run -- node bench/deploy.mjs`, after `tsc -b`; `--quick` is a short look, `--only overhead,failures` a part,
// `--runs 5` how often, `--write` stores it in docs/bench-deploy.md.
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openInstance } from '../packages/shared/dist/embedded/index.js';
import { clearEngine, docker, EngineEvents } from './deploy/engine.mjs';
import { failures } from './deploy/failures.mjs';
import { overhead } from './deploy/overhead.mjs';
import { swarm } from './deploy/swarm.mjs';

const { values: given } = parseArgs({
  options: {
    runs: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: 'overhead,failures,swarm' },
  },
});
const only = given.only.split(',');
const runs = Number(given.runs ?? (given.quick ? 2 : 5));
const prefix = `ops-bench-${randomBytes(3).toString('hex')}`;
const load = () => loadavg()[0].toFixed(1);

const folder = mkdtempSync(join(tmpdir(), `${prefix}-`));
// PostgreSQL may run as another user, and must get to its data.
chmodSync(folder, 0o711);
const before = load();
const engine = await docker('version', '--format', '{{.Server.Version}}');
const compose = await docker('compose', 'version', '--short');
const events = new EngineEvents();
const parts = [];
let instance;
try {
  // Its own Redis and PostgreSQL, that wait for the disk as an operator's do.
  instance = await openInstance({ home: join(folder, 'servers'), port: 0 });
  const { redisUrl, databaseUrl } = instance;
  const bench = {
    prefix,
    folder,
    runs,
    quick: given.quick,
    events,
    servers: { redisUrl, databaseUrl },
    say: (line) => console.log(line),
  };
  for (const [name, part] of Object.entries({ overhead, failures, swarm }))
    if (only.includes(name)) parts.push(await part(bench));
} finally {
  events.close();
  await instance?.close();
  await clearEngine(prefix);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

const report = parts.join('\n\n');
console.log(`\n${report}`);
if (given.write) {
  const text = `# The deployer beside Compose and Swarm

\`node tools/docker-engine.mjs run -- node bench/deploy.mjs --write\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), load ${before} before and ${load()}
after, Node ${process.versions.node}, Docker ${engine}, Compose ${compose}. Redis and PostgreSQL are as \`ops up\` starts them, and wait for the disk. Images are busybox,
and are there; a container answers SIGTERM at once. Times of what happens to containers are the engine's, times of decisions are those in our
events. p95 is by nearest rank: of fewer than 20 runs it is the longest.

${report}
`;
  writeFileSync(new URL('../docs/bench-deploy.md', import.meta.url), text);
}
