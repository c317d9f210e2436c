import { randomUUID } from 'node:crypto';
import { modernWords } from './modern-words.js';
import { invalid } from './refusal.js';
import { type Ending, type FakeJob, type FakeRun, revision, type Store } from './store.js';
import type { Method, Params } from './wire.js';

const RETRIES_MS = [30_000, 60_000, 300_000];
const INTERRUPTED = 'cron: job interrupted by gateway restart';

/** What a modern gateway does, 2026.9.6: runs are tasks beside each other, and what fails for a passing reason is tried again. */
export class Modern {
  /** By how much its own retries come sooner. */
  speed = 1;
  /** Rows that a page has at most, whatever is asked for. */
  page = 200;
  readonly #store: Store;
  readonly #tell: (event: string, payload: object) => void;
  readonly #timers = new Set<NodeJS.Timeout>();
  #runs = 0;

  constructor(store: Store, tell: (event: string, payload: object) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  readonly methods: ReadonlyMap<string, Method> = new Map<string, Method>([
    ['health', () => ({ ok: true, ts: Date.now(), durationMs: 1, channels: {} })],
    ['logs.tail', () => ({ file: 'LOG', cursor: 1, size: 1, lines: this.#log() })],
    ['cron.status', () => ({ enabled: true, storage: 'sqlite', jobs: this.#store.jobs.length })],
    ['cron.list', (params) => this.#list(only(params, 'includeDisabled', 'limit', 'offset'))],
    ['cron.get', (params) => wireJob(this.#job(only(params, 'id').id, 'cron job not found'))],
    ['cron.runs', (params) => this.#history(only(params, 'id', 'limit', 'offset'))],
    ['cron.run', (params) => this.#run(only(params, 'id', 'mode'))],
    ['cron.update', (params) => this.#update(only(params, 'id', 'patch', 'expectedConfigRevision'))],
    ['tasks.list', (params) => this.#tasks(only(params, 'status', 'limit', 'cursor'))],
    ['tasks.cancel', (params) => this.#cancel(only(params, 'taskId', 'reason'))],
    ['sessions.list', () => ({ sessions: [] })],
  ]);

  /** The schedule starts a job; resolves when its run has ended. */
  async scheduled(job: FakeJob): Promise<void> {
    await this.#execute(job, true, undefined).over;
  }

  /** Killed and started again: what ran is written down as interrupted, without its name. */
  crash(): void {
    for (const run of this.#store.running.values()) {
      delete run.job.state.runningAtMs;
      this.#keep(run, { status: 'error', completionStatus: 'failed', error: INTERRUPTED }, undefined);
    }
    this.#store.running.clear();
  }

  stop(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #job(id: unknown, words: string): FakeJob {
    const job = this.#store.job(id);
    if (job !== undefined) return job;
    throw invalid(`${words}: ${String(id)}. List automations and retry.`, { details: { code: 'CRON_JOB_NOT_FOUND', jobId: id } });
  }

  #list({ includeDisabled, limit = 200, offset = 0 }: Params): object {
    const all = this.#store.jobs.filter((job) => includeDisabled === true || job.enabled);
    const page = this.#paged('jobs', all.map(wireJob), Number(limit), Number(offset));
    return { ...page, snapshotRevision: `sha256:${all.map(revision).join()}`.slice(0, 500), deliveryPreviews: {} };
  }

  #history({ id, limit = 200, offset = 0 }: Params): object {
    this.#job(id, 'Automation not found');
    const newestFirst = [...(this.#store.history.get(String(id)) ?? [])].reverse();
    return this.#paged('entries', newestFirst, Number(limit), Number(offset));
  }

  #paged(name: string, all: readonly object[], limit: number, offset: number): object {
    if (limit < 1 || limit > 200) throw invalid('invalid params: at /limit: must be <= 200');
    const rows = all.slice(offset, offset + Math.min(limit, this.page));
    const end = offset + rows.length;
    const hasMore = end < all.length;
    return { [name]: rows, total: all.length, offset, limit, hasMore, nextOffset: hasMore ? end : null };
  }

  #run({ id, mode = 'force' }: Params): object {
    const job = this.#job(id, 'Automation not found');
    if (this.#store.running.has(job.id)) return { ok: true, ran: false, reason: 'already-running' };
    if (mode === 'due') return { ok: true, ran: false, reason: 'not-due' };
    this.#runs += 1;
    const runId = `manual:${job.id}:${Date.now()}:${this.#runs}`;
    // The answer comes first (captured: 14 ms before the event).
    setImmediate(() => this.#execute(job, false, runId));
    return { ok: true, enqueued: true, runId, processInstanceId: 'p' };
  }

  #execute(job: FakeJob, scheduled: boolean, runId: string | undefined): FakeRun {
    const run = this.#store.begin(job, scheduled, runId, (ended, how) => this.#ended(ended, how));
    job.state.runningAtMs = run.startedAt;
    this.#tell('cron', { jobId: job.id, action: 'started', job: wireJob(job), runAtMs: run.startedAt });
    this.#tell('task', { action: 'upserted', task: taskOf(run, 'running') });
    return run;
  }

  #ended(run: FakeRun, how: Ending): void {
    const { job } = run;
    const told = modernWords(how);
    delete job.state.runningAtMs;
    const errors = told.status === 'ok' ? 0 : Number(job.state.consecutiveErrors ?? 0) + 1;
    Object.assign(job.state, { lastRunAtMs: run.startedAt, lastRunStatus: told.status, lastStatus: told.status });
    Object.assign(job.state, { lastDurationMs: Date.now() - run.startedAt, lastErrorReason: told.errorReason });
    Object.assign(job.state, { consecutiveErrors: errors, lastDiagnostics: told.diagnostics });
    const pause = RETRIES_MS[errors - 1];
    const natural = job.state.nextRunAtMs;
    if (told.transient && run.scheduled && pause !== undefined) {
      job.state.nextRunAtMs = Date.now() + pause / this.speed;
      this.#later(pause / this.speed, () => {
        job.state.nextRunAtMs = natural;
        if (job.enabled && !this.#store.running.has(job.id)) this.#execute(job, true, undefined);
      });
    }
    const { transient: _, ...words } = told;
    const entry = this.#keep(run, words, run.runId);
    this.#tell('task', { action: 'upserted', task: taskOf(run, told.status === 'ok' ? 'completed' : 'failed') });
    // The event does not have the class of the error; the job in it does.
    this.#tell('cron', { ...entry, errorReason: undefined, job: wireJob(job) });
    this.#tell('cron', { jobId: job.id, action: 'scheduled', job: wireJob(job), nextRunAtMs: job.state.nextRunAtMs });
  }

  #keep({ job, startedAt }: FakeRun, words: object, runId: string | undefined): object {
    const durationMs = Date.now() - startedAt;
    const named = runId === undefined ? {} : { runId };
    const entry = { jobId: job.id, action: 'finished', ...words, ...named, runAtMs: startedAt, durationMs };
    this.#store.keep(job.id, { ts: startedAt + durationMs, ...entry, deliveryStatus: 'not-requested', jobName: job.name });
    return entry;
  }

  #update({ id, patch, expectedConfigRevision }: Params): object {
    const job = this.#job(id, 'cron job not found');
    if (expectedConfigRevision !== undefined && expectedConfigRevision !== revision(job))
      throw invalid('configRevision mismatch', { details: { code: 'CRON_CONFIG_REVISION_MISMATCH' } });
    const { payload, ...rest } = patch as { payload?: object; enabled?: boolean };
    Object.assign(job, rest, payload === undefined ? {} : { payload: { ...job.payload, ...payload } });
    this.#tell('cron', { jobId: job.id, action: 'updated', job: wireJob(job) });
    // It is ended a moment after the answer (captured: 9 ms).
    if (rest.enabled === false) {
      const run = this.#store.running.get(job.id);
      setImmediate(() => run?.end({ kind: 'aborted', reason: 'Cron job disabled by operator.' }));
    }
    return wireJob(job);
  }

  #tasks({ status }: Params): object {
    const runs = status === 'running' ? [...this.#store.running.values()] : [];
    return { tasks: runs.filter(({ job }) => job.sessionTarget === 'isolated').map((run) => taskOf(run, 'running')) };
  }

  #cancel({ taskId, reason }: Params): object {
    const run = [...this.#store.running.values()].find((one) => one.taskId === taskId);
    if (run === undefined) return { found: false, cancelled: false, reason: 'Task not found.' };
    setImmediate(() => run.end({ kind: 'aborted', reason: String(reason ?? 'Cancelled by operator.') }));
    return { found: true, cancelled: true, task: taskOf(run, 'cancelled') };
  }

  #log(): readonly string[] {
    return this.#store.jobs.map(({ id }) =>
      JSON.stringify({
        1: { jobId: id },
        _meta: { logLevelName: 'INFO' },
        time: '2026-11-28T12:56:27Z',
        message: 'cron: job added',
      }),
    );
  }

  #later(ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      work();
    }, ms);
    this.#timers.add(timer);
  }
}

function only(params: Params, ...known: readonly string[]): Params {
  const unknown = Object.keys(params).find((key) => !known.includes(key));
  if (unknown !== undefined) throw invalid(`invalid params: at root: unexpected property '${unknown}'`);
  return params;
}

function wireJob(job: FakeJob): object {
  return {
    ...job,
    delivery: { mode: 'none' },
    state: { ...job.state },
    configRevision: revision(job),
    nextRunAtMs: job.state.nextRunAtMs,
  };
}

function taskOf(run: FakeRun, status: string): object {
  const { job, startedAt, taskId } = run;
  const runId = `cron:${job.id}:${startedAt}:${randomUUID()}${run.runId === undefined ? '' : `:${run.runId}`}`;
  return {
    id: taskId,
    taskId,
    kind: 'automation_run',
    runtime: 'cron',
    status,
    title: job.name,
    runId,
    sourceId: job.id,
    startedAt,
  };
}
