import { randomUUID } from 'node:crypto';
import { isAlive, type ProcessIdentity } from '@ops/shared/embedded';
import { runIdOf } from '../../run-id.js';
import type {
  JobSource,
  KillOutcome,
  Listing,
  RunEvidence,
  RunningRun,
  SourceListener,
  SourceState,
  StartOutcome,
} from '../source.js';
import type { KillOrders } from './kill-orders.js';
import { OwnCommand } from './own-command.js';

export interface PingedOptions {
  readonly name: string;
  readonly orders: KillOrders;
  readonly list: () => Promise<Listing>;
  /** The command of a job that has one. */
  readonly commandOf?: (job: string) => { readonly command: readonly string[]; readonly folder: string | undefined } | undefined;
}

/**
 * Jobs that tell of their runs by themselves, by `POST /ping/<id>`. Nobody can be asked what ran; what it can start are the commands
 * that ops.yaml names, and what it can end are those, and runs under `ops cron exec`.
 */
export class PingedSource implements JobSource {
  readonly name: string;
  readonly state: SourceState = { kind: 'connected', detail: 'it is told by whoever runs' };
  readonly #options: PingedOptions;
  readonly #commands = new Map<string, OwnCommand>();
  readonly #lastStarts = new Map<string, RunningRun>();
  #listener: SourceListener | undefined;

  constructor(options: PingedOptions) {
    this.name = options.name;
    this.#options = options;
  }

  open(listener: SourceListener): void {
    this.#listener = listener;
    listener.connected();
  }

  /** Commands go on without us: who comes after us learns that they have ended, and not how. */
  async close(): Promise<void> {
    this.#listener = undefined;
    for (const command of this.#commands.values()) command.release();
  }

  list(): Promise<Listing> {
    return this.#options.list();
  }

  async history(): Promise<readonly []> {
    return [];
  }

  async running(): Promise<readonly RunningRun[]> {
    return [...this.#commands.values()].map(({ run }) => run);
  }

  async ownRetryAt(): Promise<undefined> {
    return undefined;
  }

  async start(job: string): Promise<StartOutcome> {
    const found = this.#options.commandOf?.(job);
    if (found === undefined) return { kind: 'refused', why: 'it has no command in ops.yaml that could be started here' };
    if ([...this.#commands.values()].some(({ run }) => run.job === job)) return { kind: 'already-running' };
    const command = OwnCommand.start(job, found.command, found.folder);
    if (command instanceof Error) return { kind: 'refused', why: `its command cannot be started: ${command.message}` };
    const { ref } = command;
    const key = randomUUID();
    this.#commands.set(key, command);
    this.#lastStarts.set(job, command.run);
    this.#listener?.began(command.run, ref);
    void command.ended.then((report) => {
      this.#commands.delete(key);
      if (report !== undefined) this.#listener?.ended(report);
    });
    return { kind: 'started', ref };
  }

  // A start is known at once: it has begun, or was refused. It may have ended since, while PostgreSQL was away.
  async startedSince(job: string, since: number): Promise<RunningRun | undefined> {
    const last = this.#lastStarts.get(job);
    return last !== undefined && last.started_at >= since ? last : undefined;
  }

  async kill(run: RunningRun, way: 'gentle' | 'hard'): Promise<KillOutcome> {
    const own = [...this.#commands.values()].find((one) => one.run.job === run.job && one.run.started_at === run.started_at);
    if (own !== undefined) {
      own.signal(way === 'gentle' ? 'SIGTERM' : 'SIGKILL');
      return { kind: 'sent', how: `${way === 'gentle' ? 'SIGTERM' : 'SIGKILL'} to its process group` };
    }
    // Begun by a supervisor that is not there any more: its process is known all the same.
    const left = processOf(run.ref ?? null);
    if (left !== undefined) return signalGroup(left, way);
    const told = this.#options.orders.give(runIdOf(`${this.name}/${run.job}`, run.started_at), { way });
    return told > 0
      ? { kind: 'sent', how: `ops cron exec was told to end it (${way === 'gentle' ? 'SIGTERM' : 'SIGKILL'})` }
      : { kind: 'not-possible', how: 'nobody here has started it, and no `ops cron exec` listens for it' };
  }

  async evidence(run: RunningRun): Promise<RunEvidence> {
    const own = [...this.#commands.values()].find((one) => one.run.job === run.job && one.run.started_at === run.started_at);
    return own === undefined ? { log: [], processes: [] } : own.evidence();
  }
}

function signalGroup(who: ProcessIdentity, way: 'gentle' | 'hard'): KillOutcome {
  const name = way === 'gentle' ? 'SIGTERM' : 'SIGKILL';
  if (!isAlive(who)) return { kind: 'not-running', how: 'its process is gone' };
  try {
    process.kill(-who.pid, name);
    return { kind: 'sent', how: `${name} to its process group` };
  } catch (error) {
    return { kind: 'not-possible', how: `${name}: ${error instanceof Error ? error.message : String(error)}` };
  }
}

const OWN_REF = /^command:(\d+):(.+)$/;

/** The process of a run that a supervisor has started itself, by the run's ref; undefined for other runs. */
export function processOf(ref: string | null): ProcessIdentity | undefined {
  const [, pid, started] = OWN_REF.exec(ref ?? '') ?? [];
  return pid === undefined || started === undefined ? undefined : { pid: Number(pid), started };
}

/** Whether the process of such a run lives. */
export function processLives(ref: string | null): boolean {
  const who = processOf(ref);
  return who !== undefined && isAlive(who);
}
