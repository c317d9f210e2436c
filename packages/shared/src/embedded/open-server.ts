import { join } from 'node:path';
import type { InstanceOptions, OpenServer } from './instance.js';
import { choosePort, onPort } from './ports.js';
import { pingPostgres, startPostgres } from './postgres.js';
import { placePostgres } from './postgres-place.js';
import { ensureSecret } from './private-files.js';
import { databaseUrlOf, type InstanceRecord, redisUrlOf, SECRET_OF, type ServerName } from './record.js';
import { startRedis } from './redis.js';
import { pingRedis } from './redis-ping.js';
import { findRedis } from './redis-program.js';
import { reuse } from './reuse.js';
import { type RunningServer, STOP_POSTGRESQL, STOP_REDIS } from './server.js';

type Say = (line: string) => void;
type Former = InstanceRecord | undefined;

/** The Redis of an instance: given, taken over or started. Throws EmbeddedError. */
export async function openRedis(options: InstanceOptions, home: string, former: Former, say: Say): Promise<OpenServer> {
  if (options.redisUrl) return given('redis', options.redisUrl, say);
  const password = await ensureSecret(home, SECRET_OF.redis);
  const left = {
    name: 'Redis',
    record: former?.servers.redis,
    ask: (port: number) => pingRedis(port, password),
    stopSignal: 'TERM',
    stop: STOP_REDIS,
  } as const;
  const url = (port: number) => redisUrlOf(port, password);
  const reused = await reuse(left);
  if (reused !== undefined) return ours('redis', 'reused', reused, url, say);
  const program = await findRedis(options.redisImage);
  const folder = join(home, 'redis');
  const choose = () => portFor('redis', options.port, 1, say);
  const started = await onPort(choose, (port) => startRedis({ program, folder, port, password }));
  return ours('redis', 'started', started, url, say);
}

/** The PostgreSQL of an instance: given, taken over or started. Throws EmbeddedError. */
export async function openDatabase(options: InstanceOptions, home: string, former: Former, say: Say): Promise<OpenServer> {
  if (options.databaseUrl) return given('postgresql', options.databaseUrl, say);
  const password = await ensureSecret(home, SECRET_OF.postgresql);
  const ask = (port: number) => pingPostgres(port, password);
  const url = (port: number) => databaseUrlOf(port, password);
  const reused = await reuse({
    name: 'PostgreSQL',
    record: former?.servers.postgresql,
    ask,
    stopSignal: 'INT',
    stop: STOP_POSTGRESQL,
  });
  if (reused !== undefined) return ours('postgresql', 'reused', reused, url, say);
  const place = await placePostgres(home);
  const choose = () => portFor('postgresql', options.port, 2, say);
  const started = await onPort(choose, (port) => startPostgres({ place, port, password }));
  return ours('postgresql', 'started', started, url, say);
}

async function portFor(name: ServerName, base: number, offset: 1 | 2, say: Say): Promise<number> {
  if (base === 0) return choosePort(0);
  const wanted = base + offset;
  // The other server of this instance is started at the same moment: its port is not free even if nobody listens yet.
  const port = await choosePort(wanted, [base, base + 3 - offset]);
  if (port !== wanted) say(`${name}: port ${wanted} is taken, using ${port}`);
  return port;
}

function given(name: ServerName, url: string, say: Say): OpenServer {
  const address = url
    .replace(/^[a-z+]+:\/\//i, '')
    .replace(/^[^/]*@/, '')
    .replace(/[/?].*$/, '');
  return shown({ url, shown: { name, origin: 'given', address, detail: 'given' } }, say);
}

function ours(
  name: ServerName,
  origin: 'started' | 'reused',
  running: RunningServer,
  url: (port: number) => string,
  say: Say,
): OpenServer {
  const { port, detail } = running;
  return shown({ url: url(port), running, shown: { name, origin, address: `127.0.0.1:${port}`, detail } }, say);
}

function shown(server: OpenServer, say: Say): OpenServer {
  const { name, origin, address, detail } = server.shown;
  say(`${name}: ${origin} at ${address}${origin === 'given' ? '' : ` (${detail})`}`);
  return server;
}
