import { invalid, Refusal } from './refusal.js';
import type { Ending, FakeJob, FakeRun, Store } from './store.js';
import type { Method, Params } from './wire.js';

/** What a legacy gateway does, 2026.2.2-3: one job at a time, and cron waits for it. */
export class Legacy {
  readonly #store: Store;
  readonly #tell: (event: string, payload: object) => void;
  #lock: Promise<unknown> = Promise.resolve();

  constructor(store: Store, tell: (event: string, payload: object) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  readonly methods: ReadonlyMap<string, Method> = new Map<string, Method>([
    ['health', () => ({ ok: true, ts: Date.now(), durationMs: 1, channels: {} })],
    ['cron.status', () => this.#locked(() => ({ enabled: true, storePath: 'STATE_DIR', jobs: this.#store.jobs.length }))],
    ['cron.list', ({ includeDisabled }) => this.#locked(() => ({ jobs: this.#jobs(includeDisabled === true) }))],
    ['cron.runs', ({ id, limit }) => ({ entries: (this.#store.history.get(String(id)) ?? []).slice(-Number(limit)) })],
    ['cron.run', (params) => this.#locked(() => this.#run(params))],
    ['cron.update', (params) => this.#locked(() => this.#update(params))],
    [
      'sessions.list',
      () => ({ sessions: [...this.#store.running.values()].filter(hasSession).map((run) => ({ key: keyOf(run) })) }),
    ],
    ['sessions.delete', (params) => this.#delete(params)],
  ]);

  /** The schedule starts a job; resolves when its run has ended. */
  async scheduled(job: FakeJob): Promise<void> {
    await this.#locked(() => this.#execute(job, true));
  }

  /** Killed and started again: whatever ran is forgotten, without a trace. */
  crash(): void {
    this.#store.running.clear();
    this.#lock = Promise.resolve();
  }

  #locked<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#lock.then(work);
    this.#lock = turn.catch(() => undefined);
    return turn;
  }

  #jobs(all: boolean): readonly object[] {
    return this.#store.jobs.filter((job) => all || job.enabled);
  }

  async #run({ id, mode }: Params): Promise<object> {
    const job = this.#store.job(id);
    if (job === undefined) throw new Refusal('UNAVAILABLE', `Error: unknown cron job id: ${String(id)}`);
    if (mode !== 'force') return { ok: true, ran: false, reason: 'not-due' };
    await this.#execute(job, false);
    return { ok: true, ran: true };
  }

  async #execute(job: FakeJob, scheduled: boolean): Promise<void> {
    const run = this.#store.begin(job, scheduled, undefined, (ended, how) => this.#ended(ended, how));
    this.#tell('cron', { jobId: job.id, action: 'started', runAtMs: run.startedAt });
    await run.over;
  }

  #ended(run: FakeRun, how: Ending): void {
    const durationMs = Date.now() - run.startedAt;
    const told = words(how);
    Object.assign(run.job.state, { lastRunAtMs: run.startedAt, lastStatus: told.status, lastDurationMs: durationMs });
    const entry = { jobId: run.job.id, action: 'finished', ...told, runAtMs: run.startedAt, durationMs };
    this.#store.keep(run.job.id, { ts: run.startedAt + durationMs, ...entry });
    this.#tell('cron', { ...entry, nextRunAtMs: run.job.state.nextRunAtMs });
  }

  #update({ id, patch }: Params): object {
    const job = this.#store.job(id);
    if (job === undefined) throw new Refusal('UNAVAILABLE', `Error: unknown cron job id: ${String(id)}`);
    const { payload, ...rest } = patch as { payload?: object };
    Object.assign(job, rest, payload === undefined ? {} : { payload: { ...job.payload, ...payload } });
    this.#tell('cron', { jobId: job.id, action: 'updated', nextRunAtMs: job.state.nextRunAtMs });
    return job;
  }

  #delete({ key, deleteTranscript }: Params): object {
    if (deleteTranscript !== false) throw invalid('the transcript would be gone');
    const run = [...this.#store.running.values()].find((one) => hasSession(one) && keyOf(one) === key);
    // The run ends, and the answer comes first (captured: 31 ms, and the event after it).
    if (run !== undefined) setImmediate(() => run.end({ kind: 'aborted', reason: '' }));
    return { ok: true, key, deleted: run !== undefined, archived: [] };
  }
}

// The session of a run is there a while after its beginning (captured: 330 ms; less here).
const hasSession = ({ job, startedAt }: FakeRun) => job.sessionTarget === 'isolated' && Date.now() - startedAt > 100;

// Agents that are not configured fall back to the default.
const keyOf = ({ job }: FakeRun) => `agent:main:cron:${job.id}`;

/** Nearly everything is `ok` there. */
function words(how: Ending): { readonly status: 'ok' | 'error'; readonly summary?: string; readonly error?: string } {
  if (how.kind === 'ok') return { status: 'ok', summary: how.summary };
  if (how.kind === 'http') return { status: 'ok', summary: `${how.status} Incorrect API key provided` };
  if (how.kind === 'no-key') return { status: 'error', error: 'Error: No API key found for provider "openai"' };
  if (how.kind === 'exit') return { status: 'error', error: `exit ${how.code}` };
  return { status: 'ok' };
}
