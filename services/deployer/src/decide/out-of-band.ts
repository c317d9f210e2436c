import { isSetAside } from './set-aside.js';

/** Something that was done to a container, as the engine tells of it. */
export interface ContainerChange {
  readonly id: string;
  readonly name: string;
  readonly folder: string;
  readonly service: string;
  /** The engine's word, for an exec with its command. */
  readonly action: string;
  /** Epoch ms. */
  readonly at: number;
}

/** What is remembered of a container between its events. */
export interface Trail {
  /** Epoch ms of the last `kill` through the API; a process that ends by itself has none. */
  readonly killedAt: number | null;
  /** Its last end had no kill before it: what follows is the engine's restart policy. */
  readonly endedByItself: boolean;
}

export const NO_TRAIL: Trail = { killedAt: null, endedByItself: false };

const KILL_COUNTS_MS = 600_000;
const WORDS: Readonly<Record<string, string>> = {
  create: 'created',
  destroy: 'removed',
  start: 'started',
  kill: 'stopped or killed',
  pause: 'paused',
  unpause: 'unpaused',
  rename: 'renamed',
  update: 'changed (limits or restart policy)',
};

/**
 * What a person or program did to a container through the engine's API, in one word; undefined for what the container or the engine
 * does by itself: its end, the restart after it, and its health check, which is an exec too.
 */
export function judgeChange(
  { action, at }: ContainerChange,
  trail: Trail,
  healthCommand: string | null,
): { readonly what: string | undefined; readonly trail: Trail } {
  if (action.startsWith('exec_create')) {
    const command = action.slice('exec_create'.length).replace(/^:\s*/, '');
    const checks = healthCommand !== null && healthCommand.trim() !== '' && command.trim().endsWith(healthCommand.trim());
    return { what: checks ? undefined : 'entered (exec)', trail };
  }
  switch (action) {
    case 'kill':
      return { what: WORDS.kill, trail: { ...trail, killedAt: at } };
    case 'die': {
      const killed = trail.killedAt !== null && at - trail.killedAt < KILL_COUNTS_MS;
      return { what: undefined, trail: { killedAt: null, endedByItself: !killed } };
    }
    case 'start':
      return { what: trail.endedByItself ? undefined : WORDS.start, trail: NO_TRAIL };
    default:
      return { what: WORDS[action], trail };
  }
}

/** Whether a program in a container of these services is one that dumps their database; whoever enters it otherwise is told of. */
export function isDumping(
  { action, service }: Pick<ContainerChange, 'action' | 'service'>,
  dumped: ReadonlySet<string>,
): boolean {
  return dumped.has(service) && /^exec_create: (?:psql|pg_dump|pg_restore) /.test(action);
}

/** Whether it was the deployer's own doing: a deployment of this project is changing containers, or has just done so. */
export function isOurs(
  { name }: Pick<ContainerChange, 'name'>,
  active: { readonly step: string; readonly touched: boolean; readonly endedMsAgo: number | null } | undefined,
): boolean {
  if (active === undefined || !active.touched) return false;
  if (active.endedMsAgo !== null) return active.endedMsAgo < 5000;
  // While it watches, it touches only what it keeps.
  return active.step !== 'watch' || isSetAside({ name });
}
