import type { HealthCheck } from '@ops/shared/config';
import { Redis } from 'ioredis';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

type RedisHealth = Extract<HealthCheck, { kind: 'redis' }>;

/** PING on a connection that is kept, and made anew by the next check when it was lost. Only the PING is timed. */
export function redisProbe(health: RedisHealth, { clock, secret }: ProbeDeps): Probe {
  let kept: Redis | undefined;
  const drop = () => {
    kept?.disconnect();
    kept = undefined;
  };
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    signal.addEventListener('abort', drop, { once: true });
    try {
      if (kept?.status !== 'ready') {
        drop();
        kept = open(health);
        await connect(kept);
        const password = secret()?.reveal();
        if (password !== undefined) await kept.call('AUTH', password);
      }
      const began = clock.monotonic();
      const answer = await kept.ping();
      const responseMs = clock.monotonic() - began;
      if (answer === 'PONG') return { outcome: 'ok', detail: 'PONG', responseMs };
      return { outcome: 'failed', detail: `PING was answered by ${JSON.stringify(answer)}: expected PONG`, responseMs };
    } catch (error) {
      drop();
      const words = refusal(error);
      if (words === undefined) throw error;
      return { outcome: 'failed', detail: words };
    } finally {
      signal.removeEventListener('abort', drop);
    }
  };
  return { run: (signal) => examine(clock, health.within, signal, ask), close: async () => drop() };
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

function refusal(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== 'ReplyError') return undefined;
  if (error.message.startsWith('NOAUTH'))
    return 'PING refused, a password is required: expected one named by token_env or token_file';
  if (error.message.startsWith('WRONGPASS')) return 'the password that token_env or token_file names is wrong';
  if (error.message.startsWith('LOADING')) return 'loading its data: it does not answer commands yet';
  return `refused: ${error.message}`;
}
