import { join } from 'node:path';
import type { OpsConfig } from '@ops/shared/config';
import { type EventDraft, keys, type Level } from '@ops/shared/events';
import { type Clock, evenPause, type Logger } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import type { ContainerEngine } from '../act/container-engine.js';
import type { Outbox } from '../act/outbox.js';
import { RunawayWatch } from '../act/runaway-watch.js';
import type { ContainerDirectory } from '../checks/container-directory.js';
import { LATE_MS, markLate } from '../decide/late-sample.js';
import { decideLevel, initialLevelState, overSince } from '../decide/level.js';
import { defaultIntervalPolicy, nextInterval, untilEntered } from '../decide/level-interval.js';
import { type LevelDecision, recordDecision } from '../decide/level-replay.js';
import { restoreLevelState } from '../decide/level-restore.js';
import { mustSave, type Saved } from '../decide/level-saving.js';
import type { LevelChange, LevelReport, LevelState } from '../decide/level-types.js';
import { levelPolicyOf, runawayPolicyOf } from '../decide/policies.js';
import { responseFor } from '../decide/response.js';
import type { RunawayDecision } from '../decide/runaway-replay.js';
import type { HostSample, HostSampler, SampleFailure } from '../host/sample.js';
import { neverUsers } from '../host/users.js';
import { DecisionLog } from '../state/decision-log.js';
import { GuardMemory } from '../state/guard-memory.js';
import { levelChanged, processFacts, runawayHandled, sampled } from './guard-events.js';

export interface GuardOptions {
  readonly host: string;
  readonly config: OpsConfig;
  /** OPS_HOME: where the state and the decisions are kept. */
  readonly home: string;
  readonly redis: RedisClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly outbox: Outbox;
  readonly sampler: HostSampler;
  readonly ownPids: readonly number[];
  /** Called after each change of level. */
  readonly onChange: () => void;
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
  /** How late the last sample was, in ms, and how many so late that their rates were not believed. */
  readonly late: { readonly lastMs: number; readonly samples: number };
}

const CLOSE_MS = 3000;
// Slower than this it looks together with the other loops.
const SLOW_MS = 250;
const ALERT_LEVELS: readonly Level[] = ['warn', 'critical', 'emergency'];

/**
 * The guard of this host: sample → decide the level → act on it → say it. It needs neither Redis nor PostgreSQL to see,
 * to decide and to end a runaway; what it has to say waits in the outbox.
 */
export class Guard {
  readonly #options: GuardOptions;
  readonly #levels;
  readonly #runaway: RunawayWatch;
  readonly #memory: GuardMemory;
  readonly #decisions: DecisionLog<LevelDecision>;
  /** Files of their own: one of these is as long as hundreds of the others. */
  readonly #choices: DecisionLog<RunawayDecision>;
  #state: LevelState;
  #generation = 0;
  #reason = 'the monitor has just started';
  #sample: HostSample | null = null;
  #failure: string | null = null;
  #reports: LevelReport[] = [];
  /** The last change of level, until it is on the bus. */
  #unsaid: EventDraft<'guard.level-changed'> | null = null;
  #saved: Saved | null = null;
  #summarised = Number.NEGATIVE_INFINITY;
  /** When the next round was to be, on the monotonic clock. */
  #dueAt = Number.POSITIVE_INFINITY;
  #late = { lastMs: 0, samples: 0 };

  constructor(options: GuardOptions) {
    const { config, host, home, redis, log, ownPids, containers, engine, outbox, clock } = options;
    this.#options = options;
    this.#levels = levelPolicyOf(config.guard);
    this.#runaway = new RunawayWatch({
      policy: runawayPolicyOf(config.guard, config.inventory.services, neverUsers(config.guard.runaway.never)),
      ownPids,
      containers,
      engine,
      log,
      decided: (decision) => this.#choices.add(decision),
      done: (plan, outcome) => outbox.add(runawayHandled(host, plan, outcome, this.#sample)),
    });
    this.#state = initialLevelState(clock.now());
    this.#memory = new GuardMemory({ host, home, redis, key: keys.guardState(host), clock, log });
    this.#decisions = new DecisionLog(join(home, 'guard', 'decisions.ndjson'), log);
    this.#choices = new DecisionLog(join(home, 'guard', 'choices.ndjson'), log);
  }

  get view(): GuardView {
    const { level, since } = this.#state;
    const [reason, generation, sample] = [this.#reason, this.#generation, this.#sample];
    return { level, since, reason, generation, sample, failure: this.#failure, late: this.#late };
  }

  /** Takes up what an earlier run saved; gives up after a moment: a guard that waits for Redis or a disk guards nothing. */
  async restore(withinMs: number): Promise<void> {
    const saved = await this.#memory.load(withinMs);
    if (saved === undefined) return;
    this.#state = restoreLevelState(saved.state, this.#options.clock.now());
    this.#generation = saved.generation;
    this.#reason = 'kept from before the restart';
    // Saved, and perhaps never said: its purpose makes a repeat the same event.
    if (saved.unsaid !== undefined) this.#say(saved.unsaid);
  }

  /** The last decisions that changed the level or chose a victim, newest first, each with what it was made from. */
  async decisions(count: number): Promise<readonly (LevelDecision | RunawayDecision)[]> {
    const [levels, choices] = await Promise.all([this.#decisions.last(count), this.#choices.last(count)]);
    return [...levels, ...choices].sort((a, b) => b.at - a.at).slice(0, count);
  }

  /** A report of another guard, judged already. */
  report(report: LevelReport): void {
    this.#reports.push(report);
  }

  /** One look at the host; returns the pause until the next, in ms. */
  async round(): Promise<number> {
    const { sampler, clock, config } = this.#options;
    const taken = await sampler.sampleInSlices();
    const lateMs = Math.max(0, taken.monotonicMs - this.#dueAt);
    const looked = taken.ok ? markLate(taken, lateMs) : taken;
    this.#note(looked, lateMs);
    const sample = looked.ok ? looked : null;
    const now = clock.now();
    const reports = this.#reports.splice(0);
    // The sample counts once, however many reports came with it.
    const inputs = [{ sample, report: null }, ...reports.map((report) => ({ sample: null, report }))];
    for (const input of inputs) {
      const before = this.#state;
      const { state, change } = decideLevel(before, input, this.#levels, now);
      this.#state = state;
      if (change === undefined) continue;
      this.#decisions.add(recordDecision(change, before, input, this.#levels));
      this.#changed(change);
    }
    if (sample !== null) {
      this.#watchRunaway(sample);
      if (clock.monotonic() - this.#summarised >= config.guard.summary_every) this.#summarise(sample);
    }
    if (mustSave(this.#saved, this.#state, this.#unsaid === null, now)) this.#save();
    const due = untilEntered(this.#state, this.#levels, now) ?? Number.POSITIVE_INFINITY;
    const interval = Math.min(nextInterval(sample, this.#levels), config.guard.interval);
    const monotonic = clock.monotonic();
    const pause = Math.min(evenPause(interval, monotonic, { least: SLOW_MS, most: interval }), due);
    // From its beginning: a round that others held up makes the next sample late, whose rates are of that time.
    this.#dueAt = taken.monotonicMs + pause;
    return pause;
  }

  async close(): Promise<void> {
    const { sampler, outbox, clock } = this.#options;
    await this.#runaway.settle();
    sampler.close();
    const late = clock.sleep(CLOSE_MS);
    // What a kill or a last change has left to say.
    await Promise.race([outbox.drain().catch(() => undefined), late]);
    this.#save();
    await Promise.race([Promise.all([this.#memory.settled(), this.#decisions.settled(), this.#choices.settled()]), late]);
  }

  #note(looked: HostSample | SampleFailure, lateMs: number): void {
    this.#late = { lastMs: lateMs, samples: this.#late.samples + (lateMs >= LATE_MS ? 1 : 0) };
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
    this.#save();
    this.#options.onChange();
  }

  #say(draft: EventDraft<'guard.level-changed'>): void {
    this.#unsaid = draft;
    this.#options.outbox.add(draft, () => {
      if (this.#unsaid !== draft) return;
      this.#unsaid = null;
      // Said: a restart must not say it again.
      this.#save();
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

  // Never waited for: a Redis or a disk that hangs must not stop the guard from looking.
  #save(): void {
    const savedAt = this.#options.clock.now();
    this.#saved = { at: savedAt, state: this.#state };
    const { level, since } = this.#state;
    const kept = {
      level,
      since: new Date(since).toISOString(),
      generation: this.#generation,
      savedAt,
      state: this.#state,
    };
    this.#memory.keep({ ...kept, ...(this.#unsaid === null ? {} : { unsaid: this.#unsaid }) });
  }
}
