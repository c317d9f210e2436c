// Fetches servers that are newer than the system's, for tests: Redis 8 and Valkey 8 of the next Debian, with its libc.
// `node tools/newer-redis.mjs` prints where they are as JSON: { redis, valkey }, or { why }.
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mayInstall } from './apt.mjs';
import { codename, unpackPackages } from './debian-packages.mjs';
import { root, run } from './run.mjs';

const PLACE = join(root, 'node_modules', '.cache', 'ops', 'newer-redis');
const SUITE = { bookworm: 'trixie' };
// What the two servers are linked with; their dependencies by name would bring half a system.
const LIBRARIES = [
  'libatomic1',
  'libc6',
  'libcap2',
  'libgcc-s1',
  'libjemalloc2',
  'liblzf1',
  'libssl3t64',
  'libstdc++6',
  'libsystemd0',
];
const PACKAGES = ['redis-server', 'redis-tools', 'valkey-server', 'valkey-tools', ...LIBRARIES, 'libzstd1', 'zlib1g'];

/** @returns {Promise<{redis: string, valkey: string} | {why: string}>} paths of programs that run like `redis-server` */
async function ensureNewerRedis() {
  const servers = { redis: join(PLACE, 'redis-server'), valkey: join(PLACE, 'valkey-server') };
  if (await work(servers)) return servers;
  const suite = SUITE[codename()];
  if (suite === undefined || !mayInstall()) return { why: 'no newer Redis is known for this system' };
  const folder = `${PLACE}-${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    const why = await unpackPackages(folder, suite, PACKAGES);
    if (why !== undefined) return { why: `a newer Redis could not be fetched: ${why}` };
    const refusal = place(join(folder, 'unpacked'));
    if (refusal !== undefined) return { why: refusal };
    return (await work(servers)) ? servers : { why: 'the fetched Redis does not run here' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function work(servers) {
  for (const path of Object.values(servers)) {
    if (!existsSync(path) || !(await run(path, ['--version'])).ok) return false;
  }
  return true;
}

// A program of another libc is started by the loader of that libc.
function place(unpacked) {
  const libraries = readdirSync(join(unpacked, 'usr', 'lib')).find((name) => name.endsWith('-linux-gnu'));
  const loader = readdirSync(join(unpacked, 'usr', 'lib', libraries ?? '')).find((name) => /^ld-linux.*\.so\.\d$/.test(name));
  if (libraries === undefined || loader === undefined) return 'the packages of the newer Redis are not as expected';
  rmSync(PLACE, { recursive: true, force: true });
  mkdirSync(PLACE, { recursive: true });
  const system = join(PLACE, 'system');
  renameSync(unpacked, system);
  const folder = join(system, 'usr', 'lib', libraries);
  for (const name of ['redis-server', 'valkey-server']) {
    const script = `#!/bin/sh\nexec '${join(folder, loader)}' --library-path '${folder}' '${join(system, 'usr', 'bin', name)}' "$@"\n`;
    writeFileSync(join(PLACE, name), script);
    chmodSync(join(PLACE, name), 0o755);
  }
  return undefined;
}

console.log(JSON.stringify(await ensureNewerRedis()));
