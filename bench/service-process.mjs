import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const TOKEN = 'a-token-of-the-benchmark';
const INVENTORY = { services: [{ name: 'thing', health: { tcp: { port: 1 } }, paused: true, protected: false }] };

/** What a service of ours needs to run by itself: the program, its arguments and its environment. @param config ops.yaml, as JSON takes it */
export async function serviceCommand({ folder, redisUrl, databaseUrl }, service, config, name) {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  const file = join(home, 'ops.yaml');
  writeFileSync(file, JSON.stringify({ inventory: INVENTORY, ...config }));
  const port = await freePort();
  const env = {
    ...process.env,
    ...shippedRuntime(service),
    REDIS_URL: redisUrl,
    DATABASE_URL: databaseUrl,
    OPS_TOKEN: TOKEN,
    OPS_CONFIG: file,
    OPS_HOME: home,
    OPS_PORT: String(port),
    OPS_LOG_LEVEL: 'warn',
  };
  const main = fileURLToPath(new URL(`../services/${service}/dist/main.js`, import.meta.url));
  return { program: process.execPath, args: [main], env, port };
}

/** What docker-compose.yml gives the runtime of a service: it is measured as it is shipped. */
export function shippedRuntime(service) {
  const file = readFileSync(new URL('../docker-compose.yml', import.meta.url), 'utf8');
  const { NODE_OPTIONS = '', MALLOC_ARENA_MAX } = parse(file, { merge: true }).services[service]?.environment ?? {};
  return { NODE_OPTIONS, ...(MALLOC_ARENA_MAX === undefined ? {} : { MALLOC_ARENA_MAX }) };
}

/** A service of ours as a process of its own, ready for work. */
export async function startService(bench, service, config, name) {
  const { program, args, env, port } = await serviceCommand(bench, service, config, name);
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let words = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      words = `${words}${data}`.slice(-4000);
    });
  const address = `http://127.0.0.1:${port}`;
  await answers(`${address}/readyz`, () => {
    if (child.exitCode !== null) throw new Error(`the ${service} ended:\n${words}`);
  });
  return {
    port,
    address,
    pid: child.pid,
    call: async (method, path, body) => {
      const response = await fetch(`${address}${path}`, { method, headers: { authorization: `Bearer ${TOKEN}` }, body });
      return { status: response.status, body: await response.json() };
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Waits until an address answers well; `alive` may throw when there is nothing to wait for any more. */
export async function answers(url, alive = () => undefined) {
  for (;;) {
    alive();
    const ready = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (ready) return;
    await pause(100);
  }
}

export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A port that nobody listens on now. */
export async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
