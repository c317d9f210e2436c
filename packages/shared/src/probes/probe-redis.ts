import { Redis } from 'ioredis';
import type { HealthCheck } from '../config/index.js';
import { KeptLink } from './kept-link.js';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

type RedisHealth = Extract<HealthCheck, { kind: 'redis' }>;

/** PING on a connection that is kept, and made anew by the next check when it was lost. Only the PING is timed. */
export function redisProbe(health: RedisHealth, { clock, secret, linkEnded }: ProbeDeps): Probe {
  let kept: Redis | undefined;
  const link = new KeptLink(linkEnded);
  const drop = (client: Redis | undefined) => {
    if (kept === client) kept = undefined;
    client?.disconnect();
  };
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    const client = kept?.status === 'ready' ? kept : open(health);
    const cut = () => drop(client);
    signal.addEventListener('abort', cut, { once: true });
    try {
      if (client !== kept) {
        drop(kept);
        kept = client;
        client.on('close', () => {
          if (kept === client) link.ended();
        });
        await connect(client);
        const password = secret()?.reveal();
        if (password !== undefined) await authenticate(client, password);
      }
      const began = clock.monotonic();
      const answer = await client.ping();
      const responseMs = clock.monotonic() - began;
      if (answer === 'PONG') return { outcome: 'ok', detail: 'PONG', responseMs };
      return { outcome: 'failed', detail: `PING was answered by ${JSON.stringify(answer)}: expected PONG`, responseMs };
    } catch (error) {
      drop(client);
      const words = refusal(error);
      if (words === undefined) throw error;
      return { outcome: 'failed', detail: words };
    } finally {
      signal.removeEventListener('abort', cut);
    }
  };
  return {
    run: (signal) => link.during(() => examine(clock, health.within, signal, ask)),
    close: async () => drop(kept),
  };
}

function open({ redis: { host, port } }: RedisHealth): Redis {
  return new Redis({
    host,
    port,
    connectionName: 'ops-check',
    lazyConnect: true,
    // Each check connects by itself, so that what it finds is of its own time.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    connectTimeout: 0,
    // Neither INFO nor HELLO: a server that wants a password, or is loading, must answer the PING itself.
    enableReadyCheck: false,
    protocol: 2,
    disableClientInfo: true,
  });
}

/** Connects; rejects with the reason, of which ioredis tells only its listeners. */
async function connect(client: Redis): Promise<void> {
  let reason: unknown;
  client.on('error', (error) => {
    reason ??= error;
  });
  try {
    await client.connect();
  } catch (error) {
    throw reason ?? error;
  }
}

/** A server that wants no password takes whoever comes: that we have one is no reason to call it down. */
async function authenticate(client: Redis, password: string): Promise<void> {
  await client.call('AUTH', password).catch((error: unknown) => {
    if (!(error instanceof Error) || !/without any password configured/.test(error.message)) throw error;
  });
}

function refusal(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  if (error.message.startsWith('NOAUTH'))
    return 'PING refused, a password is required: expected one named by token_env or token_file';
  if (error.message.startsWith('WRONGPASS')) return 'the password that token_env or token_file names is wrong';
  if (error.message.startsWith('LOADING')) return 'loading its data: it does not answer commands yet';
  return `refused: ${error.message}`;
}
