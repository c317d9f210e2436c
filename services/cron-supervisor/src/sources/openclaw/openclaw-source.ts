import { GatewayRefusal } from '@ops/shared/probes';
import { type Clock, systemClock } from '@ops/shared/runtime';
import type { Schedule } from '@ops/shared/schedule';
import { z } from 'zod';
import type { RunReport } from '../../cron-types.js';
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
import { SourceDown } from '../source-down.js';
import { changeJob } from './change-job.js';
import { ownRetry } from './decide/own-retry.js';
import { GatewayLink } from './gateway-link.js';
import { JobList } from './job-list.js';
import { deleteSession } from './kill-legacy.js';
import { cancelTask, switchOff } from './kill-modern.js';
import type { OpenClawOptions } from './options.js';
import { runEvidence } from './run-evidence.js';
import { RunHistory } from './run-history.js';
import { RunWatch } from './run-watch.js';
import { startRun } from './start-run.js';
import { StateFiles } from './state-files.js';
import { SwitchedOff } from './switched-off.js';

/** For how long `running` waits for a legacy gateway before it believes what the events have told. */
const PROOF_MS = 1000;
const MOST_LOOKS = 4;
const LOOK_EVERY_MS = 500;

const running = z.object({ state: z.object({ runningAtMs: z.number().nullish() }).nullish() });

interface Parts {
  readonly link: GatewayLink;
  readonly watch: RunWatch;
  readonly jobs: JobList;
  readonly history: RunHistory;
  readonly switchedOff: SwitchedOff;
  readonly listener: SourceListener;
}

/**
 * The cron jobs of an OpenClaw gateway, of either generation, over one kept connection. While the gateway is down its files are
 * read, where `state_dir` names them.
 */
export class OpenClawSource implements JobSource {
  readonly #options: OpenClawOptions;
  readonly #clock: Clock;
  readonly #timeZone: string;
  readonly #files: StateFiles | undefined;
  readonly #closing = new AbortController();
  #parts: Parts | undefined;

  constructor(options: OpenClawOptions, clock: Clock = systemClock) {
    this.#options = options;
    this.#clock = clock;
    this.#timeZone = options.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
    this.#files = options.state_dir === undefined ? undefined : new StateFiles(options.state_dir, this.#timeZone, clock);
  }

  get name(): string {
    return this.#options.name;
  }

  get state(): SourceState {
    return this.#parts?.link.state ?? { kind: 'starting' };
  }

  open(listener: SourceListener): void {
    if (this.#parts !== undefined) return;
    const watch = new RunWatch(this.#clock, listener, this.#closing.signal);
    const link = new GatewayLink(this.#options, this.#clock, {
      connected: () => this.#connected(),
      lost: (why) => listener.lost(why),
      event: (event) => watch.take(event),
      garbled: (issue) => listener.garbled(issue),
    });
    const jobs = new JobList(this.name, link, watch, this.#timeZone);
    const history = new RunHistory(this.name, link, watch, listener);
    this.#parts = { link, watch, jobs, history, switchedOff: new SwitchedOff(link), listener };
    link.open();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#parts?.link.close();
  }

  async list(): Promise<Listing> {
    try {
      const { jobs: list, switchedOff } = this.#part();
      const { jobs, issues, unread } = await list.now();
      return {
        jobs: jobs.map(({ job }) => (switchedOff.has(job.id) ? { ...job, enabled: true } : job)),
        issues,
        unread,
        from: 'source',
      };
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error;
      const listing = await this.#files?.list();
      if (listing === undefined) throw error;
      return listing;
    }
  }

  async history(job: string, since: number): Promise<readonly RunReport[]> {
    const { history, listener } = this.#part();
    try {
      return await history.of(job, since);
    } catch (error) {
      if (!(error instanceof SourceDown)) throw error;
      const log = await this.#files?.history(job, since);
      if (log === undefined) throw error;
      for (const issue of log.issues) listener.garbled(issue);
      return log.runs;
    }
  }

  /**
   * A legacy gateway tells what runs only by events, and answers `cron.list` only when nothing does. So where it answers soon, nothing
   * runs; where it does not, what the events have told is believed; and where they have told nothing (a run that began before we came)
   * it takes until that run has ended.
   */
  async running(): Promise<readonly RunningRun[]> {
    const { link, watch, jobs } = this.#part();
    const listed = jobs.afterAll().then(() => watch.running);
    if (link.generation === 'modern') return listed;
    listed.catch(() => undefined);
    const patience = new AbortController();
    const believed = this.#clock.sleep(PROOF_MS, patience.signal).then(() => (watch.running.length > 0 ? watch.running : listed));
    return Promise.race([listed, believed]).finally(() => patience.abort());
  }

  async ownRetryAt(job: string): Promise<number | undefined> {
    const { link, watch } = this.#part();
    const schedule = watch.job(job)?.job.schedule;
    if (link.generation === 'legacy' || schedule === undefined) return undefined;
    return ownRetry(await link.read('cron.get', { id: job }, z.unknown()), schedule, this.#clock.now());
  }

  start(job: string): Promise<StartOutcome> {
    const { link, watch } = this.#part();
    return startRun(job, link, watch);
  }

  async startedSince(job: string, since: number): Promise<RunningRun | undefined> {
    const { link, jobs, history } = this.#part();
    // Of a legacy gateway it is known now that nothing runs, and what was asked for before has run and is in the history.
    if (link.generation === 'legacy') await jobs.afterAll();
    for (let looks = 1; ; looks += 1) {
      const started = link.generation === 'modern' ? await runningSince(link, job) : undefined;
      if (started !== undefined && started >= since) return { job, started_at: started };
      const [first] = await history.of(job, since);
      if (first !== undefined) return { job, started_at: first.started_at };
      // A modern gateway takes an order first, and begins a moment later.
      if (link.generation === 'legacy' || looks === MOST_LOOKS) return undefined;
      await this.#clock.sleep(LOOK_EVERY_MS, this.#closing.signal);
    }
  }

  /** The gateway is never told the reason: it would read it, and might run the job again (see `KILL_REASON`). */
  async switchOn(job: string): Promise<void> {
    const { link, switchedOff } = this.#part();
    if (link.generation === 'modern') await switchedOff.restore(job);
  }

  async kill(run: RunningRun, way: 'gentle' | 'hard'): Promise<KillOutcome> {
    const { link, watch, history, switchedOff } = this.#part();
    if (link.generation === 'modern')
      return way === 'gentle'
        ? cancelTask(link, run)
        : switchedOff.during(run.job, () => switchOff(link, run, (job) => switchedOff.restore(job)));
    if (await history.has(run.job, run.started_at)) return { kind: 'not-running', how: 'cron.runs says that it has ended' };
    return deleteSession(link, this.#clock, run, watch.job(run.job)?.job.agent ?? null);
  }

  evidence(run: RunningRun): Promise<RunEvidence> {
    return runEvidence(this.#part().link, this.#options.url, run);
  }

  async change(job: string, change: { readonly schedule?: Schedule; readonly timeout_ms?: number }): Promise<void> {
    const { link, watch, jobs } = this.#part();
    if (watch.job(job) === undefined) await jobs.now();
    await changeJob(link, job, watch.job(job)?.payload ?? 'agentTurn', change);
  }

  #connected(): void {
    const { link, watch, jobs, switchedOff, listener } = this.#part();
    watch.connected();
    void switchedOff.restoreAll();
    // Limits, own jobs and what runs are known from the first moment; on a legacy gateway the answer also proves what does not run.
    if (link.generation === 'legacy' && watch.running.length > 0) jobs.now().catch(() => undefined);
    listener.connected();
  }

  #part(): Parts {
    if (this.#parts === undefined) throw new SourceDown(this.name, 'it is not open');
    return this.#parts;
  }
}

/** Since when a modern gateway runs a job, epoch ms; undefined where it does not. */
async function runningSince(link: GatewayLink, job: string): Promise<number | undefined> {
  try {
    return running.safeParse(await link.ask('cron.get', { id: job })).data?.state?.runningAtMs ?? undefined;
  } catch (error) {
    if (error instanceof GatewayRefusal) return undefined;
    throw error;
  }
}
