import { type Cluster, Redis, type RedisOptions } from 'ioredis';

/** One Redis, the master that Sentinels name, or a Cluster: which it is, is configuration. */
export type RedisClient = Redis | Cluster;

/** How long one XREADGROUP waits, in ms. Every nil reply within {@link SOCKET_TIMEOUT_MS} is a sign that the socket lives. */
export const BLOCK_MS = 4000;
const SOCKET_TIMEOUT_MS = 10_000;
// A server that hangs with its socket open answers nothing: whoever asks must hear that, and may ask again.
const COMMAND_TIMEOUT_MS = 8000;

// A connection that stays open to a demoted master would answer READONLY for ever.
const reconnectOnError = (error: Error) => (/^(READONLY|MASTERDOWN)/.test(error.message) ? 2 : false);

const common = (name: string) =>
  ({
    connectionName: name,
    lazyConnect: true,
    reconnectOnError,
    retryStrategy: (times) => Math.min(2 ** Math.min(times, 6) * 50, 2000) + Math.floor(Math.random() * 100),
  }) satisfies RedisOptions;

/**
 * The client for everything that does not block. Commands given in one tick share a write. A lost reply is resent by
 * ioredis (switching that off leaves promises that never settle, 6.0.0), so a publish may be stored twice: event ids absorb it.
 */
export function openClient(url: string, name: string): RedisClient {
  return quiet(
    new Redis(url, {
      ...common(name),
      enableAutoPipelining: true,
      maxRetriesPerRequest: 3,
      connectTimeout: 5000,
      commandTimeout: COMMAND_TIMEOUT_MS,
    }),
  );
}

/**
 * The client for one blocking reader. `socketTimeout` above BLOCK is what notices a half-open socket (`blockingTimeout`
 * and `commandTimeout` hide it).
 */
export function openBlockingClient(url: string, name: string): RedisClient {
  return quiet(
    new Redis(url, { ...common(name), maxRetriesPerRequest: null, socketTimeout: SOCKET_TIMEOUT_MS, connectTimeout: 5000 }),
  );
}

// Without a listener ioredis prints every connection error; the callers see them as rejections, health as a state.
function quiet(client: Redis): Redis {
  client.on('error', () => undefined);
  return client;
}
