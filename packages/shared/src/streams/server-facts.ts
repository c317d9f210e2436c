import { Cluster } from 'ioredis';
import type { RedisClient } from './clients.js';

/** Commands that only newer servers have; what is false is done without. */
export interface ServerFeatures {
  /** WAITAOF: waits until a write is on disk. Redis 7.2, Valkey 7.2. */
  readonly waitaof: boolean;
  /** XACKDEL and XDELEX. Redis 8.2. */
  readonly xackdel: boolean;
  /** XREADGROUP ... CLAIM. Redis 8.4. */
  readonly readgroupClaim: boolean;
  /** XADD ... IDMP. Redis 8.6. */
  readonly idempotentAdd: boolean;
  /** XNACK. Redis 8.8. */
  readonly xnack: boolean;
}

/** What a server says about itself. */
export interface ServerFacts {
  /** `host:port`, as the client reached it. */
  readonly address: string;
  readonly kind: 'redis' | 'valkey';
  /** Of its kind: a Valkey 8.0 calls itself Redis 7.2.4 for old clients. */
  readonly version: string;
  readonly mode: 'standalone' | 'sentinel' | 'cluster';
  readonly role: 'master' | 'replica';
  /** Undefined where the server does not say. */
  readonly appendOnly: boolean | undefined;
  readonly maxmemoryPolicy: string | undefined;
  /** Bytes; 0 is no limit. */
  readonly maxmemory: number;
  readonly features: ServerFeatures;
}

const NONE: ServerFeatures = { waitaof: false, xackdel: false, readgroupClaim: false, idempotentAdd: false, xnack: false };

/**
 * Asks the server that the client is connected to; in a Cluster every master. Needs no more than INFO: where our user may
 * not ask for commands (COMMAND INFO), the version tells. Rejects with what the connection says.
 */
export async function readServerFacts(client: RedisClient): Promise<readonly ServerFacts[]> {
  if (!(client instanceof Cluster)) return [await factsOf(client)];
  // A Cluster client knows its nodes once it has been asked something.
  await client.info();
  return Promise.all(client.nodes('master').map((node) => factsOf(node)));
}

async function factsOf(client: Exclude<RedisClient, Cluster>): Promise<ServerFacts> {
  const [info, commands] = await Promise.all([
    client.info(),
    client.call('COMMAND', 'INFO', 'WAITAOF', 'XACKDEL', 'XNACK').catch(() => undefined),
  ]);
  const { remoteAddress, remotePort } = client.stream ?? {};
  const { host = '', port = 0 } = client.options;
  // Behind Sentinels the options name none: the socket does.
  const address = host === '' || client.options.sentinels ? `${remoteAddress ?? host}:${remotePort ?? port}` : `${host}:${port}`;
  return parseServerFacts(address, info, Array.isArray(commands) ? commands.map((reply) => reply !== null) : undefined);
}

/** Facts out of the text of INFO and, in this order, whether there are WAITAOF, XACKDEL and XNACK. */
export function parseServerFacts(address: string, info: string, commands?: readonly boolean[]): ServerFacts {
  const fields = new Map(
    info.split(/\r?\n/).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  );
  const kind = fields.get('server_name') === 'valkey' || fields.has('valkey_version') ? 'valkey' : 'redis';
  const version = fields.get(`${kind}_version`) ?? fields.get('redis_version') ?? '0';
  const mode = fields.get('redis_mode') ?? fields.get('server_mode');
  const appended = fields.get('aof_enabled');
  const byVersion = featuresOf(kind, version);
  const [waitaof = byVersion.waitaof, xackdel = byVersion.xackdel, xnack = byVersion.xnack] = commands ?? [];
  return {
    address,
    kind,
    version,
    mode: mode === 'sentinel' || mode === 'cluster' ? mode : 'standalone',
    role: fields.get('role') === 'slave' ? 'replica' : 'master',
    appendOnly: appended === undefined ? undefined : appended === '1',
    maxmemoryPolicy: fields.get('maxmemory_policy'),
    maxmemory: Number(fields.get('maxmemory') ?? 0),
    features: { ...byVersion, waitaof, xackdel, xnack },
  };
}

/** Whether a version is at least another one, compared by its first two numbers. */
export function atLeast(version: string, floor: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [floorMajor = 0, floorMinor = 0] = floor.split('.').map(Number);
  return major > floorMajor || (major === floorMajor && minor >= floorMinor);
}

// Valkey went its own way after 7.2: what Redis 8 brought, it does not have under these names.
function featuresOf(kind: ServerFacts['kind'], version: string): ServerFeatures {
  if (kind === 'valkey') return { ...NONE, waitaof: atLeast(version, '7.2') };
  return {
    waitaof: atLeast(version, '7.2'),
    xackdel: atLeast(version, '8.2'),
    readgroupClaim: atLeast(version, '8.4'),
    idempotentAdd: atLeast(version, '8.6'),
    xnack: atLeast(version, '8.8'),
  };
}
