import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { EmbeddedError } from './errors.js';
import { type Ending, type Leashed, stopProcess } from './leash.js';
import type { ProcessIdentity } from './process-identity.js';
import type { ServerRecord } from './record.js';

/** A server of ours that answers. */
export interface RunningServer extends ServerRecord {
  detail: string;
  /** Ends it: politely, then within a deadline by force. May be called again. */
  stop(): Promise<void>;
  alive(): boolean;
  /** Resolves when it has ended; never for one that we took over, whose end only its pid tells. */
  ended: Promise<Ending | undefined>;
}

/** `up` answers and takes our password, `loading` answers and is not there yet, `down` does not answer. */
export type Answer = 'up' | 'loading' | 'down' | 'refused';

export const STOP_REDIS = [
  { signal: 'SIGTERM', wait: 15_000 },
  { signal: 'SIGKILL', wait: 5_000 },
] as const;

// SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one: the next start then replays the journal.
export const STOP_POSTGRESQL = [
  { signal: 'SIGINT', wait: 20_000 },
  { signal: 'SIGQUIT', wait: 5_000 },
  { signal: 'SIGKILL', wait: 5_000 },
] as const;

/**
 * Waits until a started server answers. A server that loads its data has 10 minutes, one that says nothing has `within` ms.
 * Throws SERVER_DID_NOT_START with the last lines of its log, and leaves no server behind.
 */
export async function untilUp(
  name: string,
  leashed: Leashed,
  log: string,
  ask: () => Promise<Answer>,
  within = 60_000,
): Promise<void> {
  const begin = performance.now();
  let last: Answer = 'down';
  for (;;) {
    const ending = leashed.ending();
    const waited = performance.now() - begin;
    if (ending === undefined && waited < (last === 'loading' ? 600_000 : within)) {
      last = await ask();
      if (last === 'up') return;
      await delay(25);
      continue;
    }
    await stopProcess(leashed.server, [{ signal: 'SIGKILL', wait: 5_000 }]);
    const why = ending
      ? `ended with ${ending.signal ?? `code ${ending.code}`}`
      : `did not answer in ${Math.round(waited / 1000)} s`;
    throw new EmbeddedError('SERVER_DID_NOT_START', `${name} ${why}; its last words (${log}):\n${await lastLines(log)}`, {
      server: name,
      log,
    });
  }
}

/** Stops a process of ours by these steps. */
export function stopper(process: ProcessIdentity, steps: Parameters<typeof stopProcess>[1]): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  return () => {
    stopping ??= stopProcess(process, steps);
    return stopping;
  };
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text.trimEnd().split('\n').slice(-8).join('\n');
}
