import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis';
import { parseRedisAddress, type RedisAddress } from './address.js';
import { PatientCluster } from './patient-cluster.js';

/** One Redis, the master that Sentinels name, or a Cluster: which it is, is configuration. */
export type RedisClient = Redis | Cluster;

/** How long one XREADGROUP waits, in ms, moved to a whole second. Every nil reply within {@link READ_SOCKET_TIMEOUT_MS} is a sign that the socket lives. */
export const BLOCK_MS = 4000;
const READ_SOCKET_TIMEOUT_MS = 10_000;
// A command that is out and no byte comes back: the socket is given up, or every later command would go the same way.
// Above a pause of the disk (an fsync that Redis waits for takes up to 2 s), below the timeout of a command.
const SOCKET_TIMEOUT_MS = 4000;
// A server that hangs with its socket open answers nothing: whoever asks must hear that, and may ask again.
const COMMAND_TIMEOUT_MS = 8000;
const CONNECT_TIMEOUT_MS = 5000;

/** 50 ms, doubled to 2 s, and a little chance: services that lost the same server must not come back in step. */
const pause = (times: number) => Math.min(2 ** Math.min(times, 6) * 50, 2000) + Math.floor(Math.random() * 100);

// A connection that stays open to a demoted master would answer READONLY for ever.
const reconnectOnError = (error: Error) => (/^(READONLY|MASTERDOWN)/.test(error.message) ? 2 : false);

// Replies in the shapes of RESP2: what the callers read.
type Options = RedisOptions & { replyMapping?: 'legacy' };

/** What a connection is for. */
type Use = 'commands' | 'blocking' | 'queue-adding' | 'queue-working';

const TIMES: Readonly<Record<Use, Options>> = {
  commands: {
    enableAutoPipelining: true,
    maxRetriesPerRequest: 3,
    commandTimeout: COMMAND_TIMEOUT_MS,
    socketTimeout: SOCKET_TIMEOUT_MS,
  },
  // `socketTimeout` above BLOCK is what notices a half-open socket here (`blockingTimeout` and `commandTimeout` hide it).
  blocking: { maxRetriesPerRequest: null, socketTimeout: READ_SOCKET_TIMEOUT_MS },
  // Who adds a job must hear that Redis is away; a worker must wait for it.
  'queue-adding': { maxRetriesPerRequest: 3, socketTimeout: SOCKET_TIMEOUT_MS },
  // BullMQ copies it for its blocking read, which waits up to 10 s.
  'queue-working': { maxRetriesPerRequest: null, socketTimeout: 15_000 },
};

/**
 * The client for everything that does not block. Commands given in one tick share a write. A lost reply is resent by
 * ioredis (switching that off leaves promises that never settle, 6.0.0), so a publish may be stored twice: event ids absorb it.
 * Throws an AddressError.
 */
export function openClient(url: string, name: string): RedisClient {
  return open(url, name, 'commands');
}

/** The client for one blocking reader. Throws an AddressError. */
export function openBlockingClient(url: string, name: string): RedisClient {
  return open(url, name, 'blocking');
}

/** The client for a queue of BullMQ; `working` is for its worker. Throws an AddressError. */
export function openQueueClient(url: string, name: string, use: 'adding' | 'working'): RedisClient {
  return open(url, name, `queue-${use}`);
}

function open(url: string, name: string, use: Use): RedisClient {
  const address = parseRedisAddress(url);
  const client = address.kind === 'cluster' ? openCluster(address, name, use) : new Redis(singleOptions(address, name, use));
  // Without a listener ioredis prints every connection error; the callers see them as rejections, health as a state.
  client.on('error', () => undefined);
  return client;
}

function login({ username, password, tls }: RedisAddress): Options {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: {} } : {}),
  };
}

function singleOptions(address: Exclude<RedisAddress, { kind: 'cluster' }>, name: string, use: Use): Options {
  const common: Options = {
    ...login(address),
    ...TIMES[use],
    connectionName: name,
    lazyConnect: true,
    db: address.db,
    connectTimeout: CONNECT_TIMEOUT_MS,
    reconnectOnError,
    retryStrategy: pause,
  };
  if (address.kind === 'single') return { ...common, host: address.host, port: address.port };
  const { sentinelUsername, sentinelPassword } = address;
  return {
    ...common,
    sentinels: address.sentinels.map((sentinel) => ({ ...sentinel })),
    name: address.master,
    role: 'master',
    sentinelRetryStrategy: pause,
    // A Sentinel that hangs must not hold up the question to the next one.
    sentinelCommandTimeout: 2000,
    // Without `failoverDetector`: it keeps three more connections for each of ours, and prints whatever happens to them
    // (ioredis 6.0.0 gives them no listener). A demoted master is left by READONLY, and Sentinel cuts its clients off.
    enableTLSForSentinelMode: address.tls,
    ...(address.tls ? { sentinelTLS: {} } : {}),
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
  };
}

function openCluster(address: Extract<RedisAddress, { kind: 'cluster' }>, name: string, use: Use): Cluster {
  // No common pipelines: ioredis (6.0.0) groups them by the owner of a slot, and throws while a slot has none.
  const { enableAutoPipelining: _, ...times } = TIMES[use];
  const nodes = address.nodes.map((node) => ({ ...node }));
  const options = {
    lazyConnect: true,
    clusterRetryStrategy: pause,
    // With 16 redirections: 4 s of patience, in which a Cluster chooses its new master.
    retryDelayOnFailover: 250,
    retryDelayOnClusterDown: 250,
    slotsRefreshTimeout: 2000,
    slotsRefreshInterval: 5000,
    redisOptions: { ...login(address), ...times, connectionName: name, connectTimeout: CONNECT_TIMEOUT_MS },
    // The certificate is made out to a name: names are not turned into addresses.
    ...(address.tls ? { dnsLookup } : {}),
  };
  const waits = use === 'blocking' || use === 'queue-working';
  return waits ? new Cluster(nodes, options) : new PatientCluster(COMMAND_TIMEOUT_MS, nodes, options);
}

const dnsLookup: NonNullable<ClusterOptions['dnsLookup']> = (host, found) => found(null, host);
