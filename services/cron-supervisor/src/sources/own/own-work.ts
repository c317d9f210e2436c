import type { RunReport } from '../../cron-types.js';
import { blankReport } from '../../decide/blank-report.js';
import type {
  JobSource,
  KillOutcome,
  Listing,
  RunEvidence,
  RunningRun,
  SourceJob,
  SourceListener,
  SourceState,
  StartOutcome,
} from '../source.js';

/** A job of our own: work that this process does itself. */
export interface OwnTask {
  readonly job: SourceJob;
  /** Does it; what it returns is the output of the run. */
  readonly run: () => Promise<string>;
}

/** The name of the source of our own work. */
export const OWN = 'ops';

/** Our own scheduled work, supervised as everybody's is. */
export class OwnWork implements JobSource {
  readonly name = OWN;
  readonly state: SourceState = { kind: 'connected', detail: 'it is done here' };
  readonly #tasks: ReadonlyMap<string, OwnTask>;
  readonly #running = new Map<string, RunningRun>();
  readonly #lastStarts = new Map<string, RunningRun>();
  readonly #work = new Set<Promise<void>>();
  #listener: SourceListener | undefined;

  constructor(tasks: readonly OwnTask[]) {
    this.#tasks = new Map(tasks.map((task) => [task.job.id, task]));
  }

  get tasks(): readonly OwnTask[] {
    return [...this.#tasks.values()];
  }

  open(listener: SourceListener): void {
    this.#listener = listener;
    listener.connected();
  }

  /** What is under way is finished first. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#work);
    this.#listener = undefined;
  }

  async list(): Promise<Listing> {
    return { jobs: this.tasks.map(({ job }) => job), issues: [], unread: [], from: 'source' };
  }

  async history(): Promise<readonly []> {
    return [];
  }

  async running(): Promise<readonly RunningRun[]> {
    return [...this.#running.values()];
  }

  async ownRetryAt(): Promise<undefined> {
    return undefined;
  }

  async start(id: string): Promise<StartOutcome> {
    const task = this.#tasks.get(id);
    if (task === undefined) return { kind: 'refused', why: 'there is no such work' };
    if (this.#listener === undefined) return { kind: 'refused', why: 'nobody would hear of it yet' };
    if (this.#running.has(id)) return { kind: 'already-running' };
    const run: RunningRun = { job: id, started_at: Date.now() };
    this.#running.set(id, run);
    this.#lastStarts.set(id, run);
    this.#listener?.began(run, null);
    const work = task
      .run()
      .then(
        (output) => this.#listener?.ended(reportOf(run, output, null)),
        (error: unknown) => this.#listener?.ended(reportOf(run, null, error instanceof Error ? error.message : String(error))),
      )
      .finally(() => {
        this.#running.delete(id);
        this.#work.delete(work);
      });
    this.#work.add(work);
    return { kind: 'started', ref: null };
  }

  async startedSince(id: string, since: number): Promise<RunningRun | undefined> {
    const run = this.#lastStarts.get(id);
    return run !== undefined && run.started_at >= since ? run : undefined;
  }

  async kill(): Promise<KillOutcome> {
    return { kind: 'not-possible', how: 'it is work of this very process' };
  }

  async evidence(): Promise<RunEvidence> {
    return { log: [], processes: [] };
  }
}

function reportOf({ job, started_at }: RunningRun, output: string | null, error: string | null): RunReport {
  return { ...blankReport(job, started_at), ended_at: Date.now(), word: error === null ? 'ok' : 'error', output, error };
}
