import { setTimeout as delay } from 'node:timers/promises';
import { errorWords } from '@ops/shared/probes';
import type { RunawayPlan } from '../decide/runaway-types.js';
import type { ContainerEngine } from './container-engine.js';
import { HeldUnit, type KillResult, type MemberOutcome, worstOf } from './held-unit.js';

/** How a kill ended. Times are epoch milliseconds; `ms` is from the first look to the last. */
export interface KillOutcome {
  /** Of the whole unit. */
  readonly result: KillResult;
  readonly members: readonly MemberOutcome[];
  /** Who ended it: our own signals, or the container's engine. */
  readonly by: 'signals' | 'engine';
  /** What the engine did not do of what it was asked, and why; null where it did all, or was not asked. */
  readonly refused: string | null;
  readonly termAt: number | null;
  readonly killAt: number | null;
  /** When all of them were seen to be over. */
  readonly goneAt: number | null;
  readonly ms: number;
}

/** What the kill touches. The defaults are the real ones. */
export interface KillDeps {
  readonly procRoot?: string;
  /** Sends a signal; throws as `process.kill` does. */
  readonly signal?: (pid: number, signal: 'SIGTERM' | 'SIGKILL') => void;
  /** Ends containers. Without one their processes get the signals themselves. */
  readonly engine?: ContainerEngine | undefined;
  readonly now?: () => number;
  /** Time between two looks, in milliseconds. */
  readonly pollMs?: number;
  /** How long an engine may take to answer, in milliseconds: one that has not is not waited for, since memory runs out meanwhile. */
  readonly engineAnswerMs?: number;
  /** How long after SIGKILL a process may take to be gone before it counts as survived. */
  readonly reapMs?: number;
}

type Plan = Pick<RunawayPlan, 'mode' | 'members' | 'graceMs'> & { readonly container?: RunawayPlan['container'] };

const ENGINE_ANSWER_MS = 500;

/**
 * Carries out a plan: SIGTERM to all its members, up to `graceMs` of waiting, SIGKILL to who is left, and proof that they are
 * gone. It chooses nothing and throws nothing for a victim that is gone, is another one by now, or may not be signalled.
 *
 * Each member is signalled by its own identity and never by the number of its group: that can be used again as well, and a
 * group may hold a process that is spared. A container is ended through its engine, whose restart policy would bring it back
 * otherwise, and by signals where the engine does not answer. Only its processes being gone proves its end.
 */
export async function killRunaway(plan: Plan, deps: KillDeps = {}): Promise<KillOutcome> {
  const { now = Date.now, pollMs = 10, reapMs = 5_000, procRoot = '/proc', engineAnswerMs = ENGINE_ANSWER_MS } = deps;
  const startedAt = now();
  if (plan.mode !== 'on') {
    const members = plan.members.map(({ pid, startTime }) => ({ pid, startTime, result: 'dry-run' as const }));
    const nothing = { by: 'signals' as const, refused: null, termAt: null, killAt: null, goneAt: null };
    return { result: 'dry-run', members, ...nothing, ms: now() - startedAt };
  }
  const unit = new HeldUnit(plan.members, { procRoot, pollMs });
  const hand = handFor(plan, deps);
  let [termAt, killAt] = [NEVER, NEVER];
  try {
    if (await hand.term(unit)) termAt = now();
    if (!(await unit.settled(plan.graceMs))) {
      if (await hand.kill(unit, reapMs)) killAt = now();
      await unit.settled(reapMs);
    }
    const members = unit.outcomes();
    const result = worstOf(members);
    const isOver = ['terminated', 'killed', 'already-gone'].includes(result);
    const times = { termAt: known(termAt), killAt: known(killAt), goneAt: isOver ? now() : null };
    // Its processes are gone: an engine that is slow to say so must not hold up the next kill.
    const ms = now() - startedAt;
    await Promise.race([hand.finish(reapMs), delay(engineAnswerMs)]);
    return { result, members, by: hand.by, refused: hand.refused, ...times, ms };
  } finally {
    unit.release();
  }
}

const NEVER = Number.NaN;
const known = (at: number) => (Number.isNaN(at) ? null : at);

interface Hand {
  readonly by: 'signals' | 'engine';
  readonly refused: string | null;
  term(unit: HeldUnit): Promise<boolean>;
  kill(unit: HeldUnit, withinMs: number): Promise<boolean>;
  finish(withinMs: number): Promise<void>;
}

function handFor({ container = null }: Plan, { engine, signal = send, engineAnswerMs = ENGINE_ANSWER_MS }: KillDeps): Hand {
  const own: Hand = {
    by: 'signals',
    refused: null,
    term: async (unit) => unit.ask((pid) => signal(pid, 'SIGTERM')),
    kill: async (unit) => unit.force((pid) => signal(pid, 'SIGKILL')),
    finish: async () => undefined,
  };
  return container === null || engine === undefined ? own : new EngineHand(container.id, engine, own, engineAnswerMs);
}

const send = (pid: number, name: 'SIGTERM' | 'SIGKILL') => void process.kill(pid, name);
// The identity of a member is read as if it were signalled itself: one that is not there any more was not ended by us.
const untouched = () => undefined;

/** Ends a container through its engine, and goes over to the processes themselves when that does not answer. */
class EngineHand implements Hand {
  by: 'signals' | 'engine' = 'engine';
  refused: string | null = null;
  readonly #id: string;
  readonly #engine: ContainerEngine;
  readonly #own: Hand;
  readonly #answerMs: number;
  #stopping: Promise<void> | null = null;
  #isAsked = false;

  constructor(id: string, engine: ContainerEngine, own: Hand, answerMs: number) {
    this.#id = id;
    this.#engine = engine;
    this.#own = own;
    this.#answerMs = answerMs;
  }

  async term(unit: HeldUnit): Promise<boolean> {
    // A container whose processes are gone, or are others by now, is not the one that was chosen.
    this.#isAsked = unit.ask(untouched);
    if (!this.#isAsked) return false;
    if (await this.#try(this.#engine.signal(this.#id, 'SIGTERM', this.#answerMs))) return true;
    this.by = 'signals';
    return this.#own.term(unit);
  }

  async kill(unit: HeldUnit, withinMs: number): Promise<boolean> {
    if (this.by === 'signals') return this.#own.kill(unit, withinMs);
    // Marked before, as with a signal: who goes now did not go by itself.
    const isAnybody = unit.force(untouched);
    await Promise.race([this.#stop(withinMs), unit.settled(this.#answerMs)]);
    if (await unit.settled(0)) return isAnybody;
    const isTaken = await this.#try(this.#engine.signal(this.#id, 'SIGKILL', this.#answerMs));
    if (!(await unit.settled(isTaken ? this.#answerMs : 0))) await this.#own.kill(unit, withinMs);
    return isAnybody;
  }

  /** One that obeyed is stopped as well, so that its restart policy leaves it as it is. */
  async finish(withinMs: number): Promise<void> {
    if (this.by === 'engine' && this.#isAsked) await this.#stop(withinMs);
  }

  #stop(withinMs: number): Promise<void> {
    this.#stopping ??= this.#try(this.#engine.stop(this.#id, withinMs)).then(() => undefined);
    return this.#stopping;
  }

  async #try(asked: Promise<void>): Promise<boolean> {
    try {
      await asked;
      return true;
    } catch (error) {
      this.refused ??= `the engine did not end the container: ${errorWords(error)}`;
      return false;
    }
  }
}
