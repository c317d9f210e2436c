import type { OpsConfig } from '@ops/shared/config';
import type { EventDraft, Level } from '@ops/shared/events';
import type { Clock, Logger } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import type { ContainerEngine } from '../act/container-engine.js';
import type { Outbox } from '../act/outbox.js';
import { RunawayWatch } from '../act/runaway-watch.js';
import type { ContainerDirectory } from '../checks/container-directory.js';
import { decideLevel, initialLevelState, overSince } from '../decide/level.js';
import { defaultIntervalPolicy, nextInterval } from '../decide/level-interval.js';
import { restoreLevelState } from '../decide/level-restore.js';
import type { LevelChange, LevelReport, LevelState } from '../decide/level-types.js';
import { levelPolicyOf, runawayPolicyOf } from '../decide/policies.js';
import { responseFor } from '../decide/response.js';
import type { HostSample, HostSampler, SampleFailure } from '../host/sample.js';
import { neverUsers } from '../host/users.js';
import { loadGuard, saveGuard } from '../state/guard-store.js';
import { levelChanged, processFacts, runawayHandled, sampled } from './guard-events.js';

export interface GuardOptions {
  readonly host: string;
  readonly config: OpsConfig;
  readonly redis: RedisClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly sampler: HostSampler;
  readonly ownPids: readonly number[];
  readonly containers: ContainerDirectory;
  readonly engine: ContainerEngine | undefined;
}

/** What the guard sees and thinks, for the status. */
export interface GuardView {
  readonly level: Level;
  readonly since: number;
  readonly reason: string;
  readonly generation: number;
  readonly sample: HostSample | null;
  readonly failure: string | null;
}

const CLOSE_MS = 3000;
const ALERT_LEVELS: readonly Level[] = ['warn', 'critical', 'emergency'];

/**
 * The guard of this host: sample → decide the level → act on it → say it. It needs neither Redis nor PostgreSQL to see,
 * to decide and to end a runaway; what it has to say waits in the outbox.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #levels;
  readonly #runaway: RunawayWatch;
  #state: LevelState;
  #generation = 0;
  #reason = 'the monitor has just started';
  #sample: HostSample | null = null;
  #failure: string | null = null;
  #reports: LevelReport[] = [];
  #saving: Promise<void> | null = null;
  /** The last change of level, until it is on the bus. */
  #unsaid: EventDraft<'guard.level-changed'> | null = null;
  #saved = 0;
  #summarised = Number.NEGATIVE_INFINITY;

  constructor(options: GuardOptions) {
    const { config, host, log, ownPids, containers, engine, outbox, clock } = options;
    this.#options = options;
    this.#levels = levelPolicyOf(config.guard);
    this.#runaway = new RunawayWatch({
      policy: runawayPolicyOf(config.guard, config.inventory.services, neverUsers(config.guard.runaway.never)),
      ownPids,
      containers,
      engine,
      log,
      done: (plan, outcome) => outbox.add(runawayHandled(host, plan, outcome, this.#sample)),
    });
    this.#state = initialLevelState(clock.now());
  }

  get view(): GuardView {
    const { level, since } = this.#state;
    return { level, since, reason: this.#reason, generation: this.#generation, sample: this.#sample, failure: this.#failure };
  }

  /** Takes up what an earlier run saved; gives up after a moment: a guard that waits for Redis guards nothing. */
  async restore(withinMs: number): Promise<void> {
    const { redis, host, clock, log } = this.#options;
    const late = new AbortController();
    try {
      const saved = await Promise.race([loadGuard(redis, host), clock.sleep(withinMs, late.signal).then(() => undefined)]);
      if (saved === undefined) return;
      this.#state = restoreLevelState(saved.state, clock.now());
      this.#generation = saved.generation;
      this.#reason = 'kept from before the restart';
      // Saved, and perhaps never said: its purpose makes a repeat the same event.
      if (saved.unsaid !== undefined) this.#say(saved.unsaid);
    } catch (error) {
      log.warn({ error }, 'the saved guard state could not be read');
    } finally {
      late.abort();
    }
  }

  /** A report of another guard, judged already. */
  report(report: LevelReport): void {
    this.#reports.push(report);
  }

  /** One look at the host; returns the pause until the next, in ms. */
  async round(): Promise<number> {
    const { sampler, clock, config } = this.#options;
    const looked = sampler.sample();
    this.#note(looked);
    const sample = looked.ok ? looked : null;
    const now = clock.now();
    const reports = this.#reports.splice(0);
    // The sample counts once, however many reports came with it.
    const inputs = [{ sample, report: null }, ...reports.map((report) => ({ sample: null, report }))];
    for (const input of inputs) {
      const { state, change } = decideLevel(this.#state, input, this.#levels, now);
      this.#state = state;
      if (change !== undefined) this.#changed(change);
    }
    if (sample !== null) {
      this.#watchRunaway(sample);
      if (clock.monotonic() - this.#summarised >= config.guard.summary_every) this.#summarise(sample);
    }
    // Never waited for: a Redis that hangs must not stop the guard from looking.
    if (now - this.#saved >= 5000) this.#save();
    return Math.min(nextInterval(sample, this.#levels), config.guard.interval);
  }

  async close(): Promise<void> {
    const { sampler, outbox, clock } = this.#options;
    await this.#runaway.settle();
    sampler.close();
    const late = clock.sleep(CLOSE_MS);
    // What a kill or a last change has left to say.
    await Promise.race([outbox.drain().catch(() => undefined), late]);
    this.#save();
    await Promise.race([this.#saving, late]);
  }

  #note(looked: HostSample | SampleFailure): void {
    if (looked.ok) {
      this.#sample = looked;
      this.#failure = null;
      return;
    }
    if (this.#failure === null) this.#options.log.warn({ reason: looked.reason }, 'the host cannot be read');
    this.#failure = looked.reason;
  }

  #changed(change: LevelChange): void {
    const { host, log, config, clock } = this.#options;
    // Time as a floor: the count goes up even where the saved one was lost with Redis.
    this.#generation = Math.max(this.#generation + 1, clock.now());
    this.#reason = change.reason;
    const worse = ALERT_LEVELS.includes(change.to);
    const top = worse ? this.#runaway.top() : null;
    const response = responseFor(change.to, config.guard.response);
    this.#say(
      levelChanged(change, {
        host,
        generation: this.#generation,
        response,
        sample: this.#sample,
        top: top === null ? null : { by_memory: top.byRss.map(processFacts), by_cpu: top.byCpu.map(processFacts) },
      }),
    );
    if (this.#sample !== null) this.#summarise(this.#sample);
    log[change.to === 'emergency' ? 'error' : worse ? 'warn' : 'info'](
      { from: change.from, level: change.to, reason: change.reason },
      'guard level',
    );
    this.#saved = 0;
  }

  #say(draft: EventDraft<'guard.level-changed'>): void {
    this.#unsaid = draft;
    this.#options.outbox.add(draft, () => {
      if (this.#unsaid !== draft) return;
      this.#unsaid = null;
      this.#saved = 0;
    });
  }

  #watchRunaway(sample: HostSample): void {
    const isNear = nextInterval(sample, this.#levels) < defaultIntervalPolicy.farMs;
    this.#runaway.look({ level: this.#state.level, sample, isNear, cpuOverSince: overSince(this.#state, 'cpu', 'emergency') });
  }

  #summarise(sample: HostSample): void {
    this.#summarised = this.#options.clock.monotonic();
    this.#options.outbox.add(sampled(this.#options.host, this.#state.level, sample));
  }

  #save(): void {
    const { redis, host, clock, log } = this.#options;
    if (this.#saving !== null || redis.status !== 'ready') return;
    this.#saved = clock.now();
    const { level, since } = this.#state;
    const saved = { level, since: new Date(since).toISOString(), generation: this.#generation, state: this.#state };
    this.#saving = saveGuard(redis, host, { ...saved, ...(this.#unsaid === null ? {} : { unsaid: this.#unsaid }) })
      .catch((error: unknown) => log.debug({ error }, 'the guard state was not saved'))
      .finally(() => {
        this.#saving = null;
      });
  }
}
