import { randomBytes } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { identify, isAlive } from '@ops/shared/embedded';
import { z } from 'zod';

const identity = z.object({ host: z.string(), pids: z.string(), pid: z.int(), started: z.string() });

/** Who we are, as it is written beside a lease: the host's name, the process and a number of our own. */
export function ownHolder(host: string): string {
  const own = identify(process.pid);
  return JSON.stringify({
    host,
    pids: pidSpace(),
    pid: process.pid,
    started: own?.started ?? '',
    own: randomBytes(4).toString('hex'),
  });
}

/**
 * Whether a holder is a process of this very machine that is gone. Of anybody else nothing is known: his lease must lapse.
 * The same pid counts only in the same space of pids, and with the same start.
 */
export function isDeadHolder(holder: string): boolean {
  const parsed = identity.safeParse(json(holder));
  const own = identify(process.pid);
  if (!parsed.success || own === undefined) return false;
  const { pids, pid, started } = parsed.data;
  const [boot] = own.started.split(':');
  if (pids === '' || pids !== pidSpace() || !started.startsWith(`${boot}:`)) return false;
  return !isAlive({ pid, started });
}

function pidSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
