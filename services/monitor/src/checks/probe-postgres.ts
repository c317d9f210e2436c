import { Socket } from 'node:net';
import type { HealthCheck } from '@ops/shared/config';
import pg from 'pg';
import { greetPostgres } from './postgres-greeting.js';
import { examine, type Finding, type Probe, type ProbeDeps } from './probe.js';

type PostgresHealth = Extract<HealthCheck, { kind: 'postgres' }>;

/** Asks what pg_isready asks, on a connection of its own; with a user, `SELECT 1` on a connection that is kept. */
export function postgresProbe(health: PostgresHealth, deps: ProbeDeps): Probe {
  const { host, port, user } = health.postgres;
  if (user !== undefined) return queryProbe(health, user, deps);
  const ask = (signal: AbortSignal) => greetPostgres(host, port, signal);
  return { run: (signal) => examine(deps.clock, health.within, signal, ask), close: async () => undefined };
}

function queryProbe({ postgres, within }: PostgresHealth, user: string, { clock, secret }: ProbeDeps): Probe {
  let kept: { client: pg.Client; socket: Socket } | undefined;
  // The socket is ours, so that a connection that hangs can be cut: pg's own end() waits for the server.
  const drop = () => {
    kept?.socket.destroy();
    kept = undefined;
  };
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    signal.addEventListener('abort', drop, { once: true });
    try {
      if (kept === undefined || kept.socket.destroyed) {
        const password = secret()?.reveal() ?? '';
        const socket = new Socket();
        const { host, port, database = user } = postgres;
        // A function, or pg would take a password for an empty one from the environment.
        const settings = { host, port, user, database, password: () => password, ssl: false, application_name: 'ops-check' };
        const client = new pg.Client({ ...settings, stream: () => socket });
        kept = { client, socket };
        // An idle connection that the server ends is replaced by the next check.
        client.on('error', drop);
        await client.connect();
      }
      const began = clock.monotonic();
      await kept.client.query('SELECT 1');
      return { outcome: 'ok', detail: 'SELECT 1 answered', responseMs: clock.monotonic() - began };
    } catch (error) {
      drop();
      throw new Error(refusal(error), { cause: error });
    } finally {
      signal.removeEventListener('abort', drop);
    }
  };
  return {
    run: (signal) => examine(clock, within, signal, ask),
    async close() {
      const { client, socket } = kept ?? {};
      kept = undefined;
      if (client === undefined || socket === undefined) return;
      client.end().catch(() => undefined);
      socket.destroySoon();
    },
  };
}

function refusal(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === '57P03') return `rejecting connections: ${error.message}`;
  if (code === '28P01' || code === '28000') return `login refused: ${error.message}`;
  if (/client password must be/.test(error.message))
    return 'login refused, a password is required: expected one named by token_env or token_file';
  return error.message;
}
