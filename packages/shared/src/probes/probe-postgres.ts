import { Socket } from 'node:net';
import pg from 'pg';
import type { HealthCheck } from '../config/index.js';
import { KeptLink } from './kept-link.js';
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

interface Session {
  readonly client: pg.Client;
  /** Ours, so that a connection that hangs can be cut: pg's own end() waits for the server. */
  readonly socket: Socket;
}

function queryProbe({ postgres, within }: PostgresHealth, user: string, { clock, secret, linkEnded }: ProbeDeps): Probe {
  let kept: Session | undefined;
  const link = new KeptLink(linkEnded);
  const drop = (session: Session) => {
    session.socket.destroy();
    if (kept === session) kept = undefined;
  };
  const ask = async (signal: AbortSignal): Promise<Finding> => {
    const session = kept ?? open(postgres, user, secret()?.reveal() ?? '');
    const cut = () => drop(session);
    signal.addEventListener('abort', cut, { once: true });
    try {
      if (session !== kept) {
        kept = session;
        // An idle connection that the server ends is replaced by the next check.
        const lost = () => {
          const wasKept = kept === session;
          cut();
          if (wasKept) link.ended();
        };
        session.client.on('error', lost);
        session.client.on('end', lost);
        await session.client.connect();
      }
      const began = clock.monotonic();
      await session.client.query('SELECT 1');
      return { outcome: 'ok', detail: 'SELECT 1 answered', responseMs: clock.monotonic() - began };
    } catch (error) {
      drop(session);
      const words = refusal(error);
      if (words === undefined) throw error;
      return { outcome: 'failed', detail: words };
    } finally {
      signal.removeEventListener('abort', cut);
    }
  };
  return {
    run: (signal) => link.during(() => examine(clock, within, signal, ask)),
    async close() {
      const session = kept;
      kept = undefined;
      if (session === undefined) return;
      session.client.end().catch(() => undefined);
      session.socket.destroySoon();
    },
  };
}

function open({ host, port, database }: PostgresHealth['postgres'], user: string, password: string): Session {
  const socket = new Socket();
  const client = new pg.Client({
    host,
    port,
    user,
    database: database ?? user,
    // A function, or pg would replace an empty one by what the environment says.
    password: () => password,
    ssl: false,
    application_name: 'ops-check',
    stream: () => socket,
  });
  return { client, socket };
}

function refusal(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error ? error.code : undefined;
  if (code === '57P03') return `rejecting connections: ${error.message}`;
  if (code === '28P01' || code === '28000') return `login refused: ${error.message}`;
  if (!/client password must be/.test(error.message)) return undefined;
  return 'login refused, a password is required: expected one named by token_env or token_file';
}
