import { createHash, randomUUID } from 'node:crypto';

/** How a run ends: by what the model or the command said. */
export type Ending =
  | { readonly kind: 'ok'; readonly summary: string }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'http'; readonly status: 401 | 500 }
  | { readonly kind: 'empty' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'no-key' }
  | { readonly kind: 'aborted'; readonly reason: string };

export interface FakeJob {
  readonly id: string;
  agentId?: string;
  name: string;
  enabled: boolean;
  createdAtMs: number;
  updatedAtMs: number;
  schedule: Record<string, unknown>;
  readonly sessionTarget: 'main' | 'isolated';
  readonly wakeMode: 'now';
  payload: Record<string, unknown>;
  readonly declarationKey?: string;
  state: Record<string, unknown>;
}

export interface FakeRun {
  readonly job: FakeJob;
  readonly taskId: string;
  readonly startedAt: number;
  /** Of a manual run of a modern gateway. */
  readonly runId: string | undefined;
  readonly scheduled: boolean;
  /** Resolves when it ends. */
  readonly over: Promise<void>;
  end(how: Ending): void;
}

/** Jobs, runs and history of a fake gateway. */
export class Store {
  readonly jobs: FakeJob[] = [];
  readonly running = new Map<string, FakeRun>();
  readonly history = new Map<string, object[]>();
  #lastStart = 0;

  add(job: Partial<FakeJob> & { readonly name: string }): FakeJob {
    const now = Date.now();
    const added: FakeJob = {
      id: randomUUID(),
      enabled: true,
      createdAtMs: now,
      updatedAtMs: now,
      schedule: { kind: 'cron', expr: '0 4 1 1 *', tz: 'UTC' },
      sessionTarget: 'isolated',
      wakeMode: 'now',
      payload: { kind: 'agentTurn', message: 'Do it.' },
      state: { nextRunAtMs: now + 86_400_000 },
      ...job,
    };
    this.jobs.push(added);
    return added;
  }

  job(id: unknown): FakeJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  /** A run that has begun, and ends when it is told to. */
  begin(job: FakeJob, scheduled: boolean, runId: string | undefined, ended: (run: FakeRun, how: Ending) => void): FakeRun {
    // No two runs of a job begin in the same millisecond.
    this.#lastStart = Math.max(Date.now(), this.#lastStart + 1);
    let resolve = () => {};
    const over = new Promise<void>((done) => {
      resolve = done;
    });
    const run: FakeRun = {
      job,
      taskId: randomUUID(),
      startedAt: this.#lastStart,
      runId,
      scheduled,
      over,
      end: (how) => {
        if (this.running.get(job.id) !== run) return;
        this.running.delete(job.id);
        ended(run, how);
        resolve();
      },
    };
    this.running.set(job.id, run);
    return run;
  }

  keep(job: string, entry: object): void {
    this.history.set(job, [...(this.history.get(job) ?? []), entry]);
  }
}

export function revision(job: FakeJob): string {
  const { name, enabled, schedule, payload } = job;
  return `sha256:${createHash('sha256').update(JSON.stringify({ name, enabled, schedule, payload })).digest('base64url')}`;
}
