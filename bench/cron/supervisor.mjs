import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../services/cron-supervisor/dist/main.js', import.meta.url));
const INVENTORY = 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }';
export const TOKEN = 'a-token-of-the-benchmark';

/** A supervisor as a process of its own, ready to be pinged. @param cron the `cron` part of ops.yaml, as JSON takes it */
export async function startSupervisor({ folder, redisUrl, databaseUrl }, cron, name) {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  const config = join(home, 'ops.yaml');
  writeFileSync(config, `${INVENTORY}\ncron: ${JSON.stringify(cron)}\n`);
  const port = await freePort();
  const env = {
    ...process.env,
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    OPS_TOKEN: TOKEN,
    OPS_CONFIG: config,
    OPS_HOME: home,
    OPS_PORT: String(port),
    OPS_LOG_LEVEL: 'warn',
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      words = `${words}${data}`.slice(-4000);
    });
  const address = `http://127.0.0.1:${port}`;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the supervisor ended:\n${words}`);
    const ready = await fetch(`${address}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) break;
    await pause(100);
  }
  return {
    port,
    address,
    pid: child.pid,
    call: async (method, path, body) => {
      const response = await fetch(`${address}${path}`, { method, headers: { authorization: `Bearer ${TOKEN}` }, body });
      return { status: response.status, body: await response.json() };
    },
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The value at a share (0 to 1) of the sorted values, by nearest rank. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
