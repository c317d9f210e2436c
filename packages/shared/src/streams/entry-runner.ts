import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type EventDraft, issueLine, type OpsEvent } from '../events/index.js';
import { redactor } from '../secrets/index.js';
import type { DeadLetterReason } from './dead-letters.js';
import type { ReadEntry } from './entry-reader.js';
import { DeferError, isUnavailable, OpsError } from './errors.js';
import type { Handler, Handlers } from './handlers.js';
import type { Publisher } from './publisher.js';

/** An entry in hand. */
export interface Delivery {
  readonly id: string;
  readonly read: ReadEntry;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
}

/** How a reader ends: first it stops (nothing is tried again), past its deadline it is abandoned (handlers are told). */
export interface Ending {
  readonly stop: AbortSignal;
  readonly abandon: AbortSignal;
}

/** What became of an entry. Only `given-back` stays pending; `handled` still waits for its acknowledgement. */
export type Outcome = 'handled' | 'not-ours' | 'already-done' | 'deferred' | 'dead' | 'given-back';

export interface RunnerOptions {
  readonly publisher: Publisher;
  readonly stream: string;
  readonly group: string;
  readonly handlers: Handlers;
  readonly log: Logger;
  readonly now: () => number;
  /** Tries of one delivery, and deliveries of one entry, before it is dead. */
  readonly maxAttempts: number;
  readonly maxDeliveries: number;
  /** First pause between tries, in ms; doubled each time, at most 30 s. */
  readonly backoffMs: number;
  /** Puts the event of an entry off for longer than a reader may hold it (ms); resolves when that survives a restart. */
  readonly defer?: (event: OpsEvent, delayMs: number, entry: string) => Promise<void>;
}

/** What an entry needs of its reader. */
export interface Desk<D extends Delivery> {
  /** Whether the group is done with the event. */
  isDone(delivery: D): boolean;
  /** True when a handler may begin: the lease is ours. False when the reading has ended. */
  mayBegin(delivery: D): boolean | Promise<boolean>;
  /** Moves the entry to the dead letters. */
  bury(id: string, why: DeadLetterReason, type?: string): Promise<unknown>;
}

const LONGEST_PAUSE_MS = 30_000;

/**
 * Handles one entry: its outputs are published, or it is dead, or given back for another delivery. Never throws or rejects.
 * What a handler does at once is done at once: most events ask for nothing, and promises cost more than they do.
 */
export function runEntry<D extends Delivery>(
  delivery: D,
  options: RunnerOptions,
  desk: Desk<D>,
  ending: Ending,
): Outcome | Promise<Outcome> {
  const { decoded, only } = delivery.read;
  // What nobody can read is buried, whomever it names.
  if (decoded.ok && only !== undefined && only !== options.group) return 'not-ours';
  // Before the handler runs: one that kills the process must not be given the same entry for ever.
  if (delivery.deliveries > options.maxDeliveries) {
    const reasons = [`delivered ${delivery.deliveries} times and never finished`];
    const why = { code: 'delivery-limit', reasons, attempts: delivery.deliveries };
    return bury(delivery, options, desk, ending.stop, why, decoded.ok ? decoded.event.type : undefined);
  }
  if (!decoded.ok) {
    const { code, issues } = decoded.rejection;
    return bury(delivery, options, desk, ending.stop, { code, reasons: issues.map(issueLine), attempts: 0, forAll: true });
  }
  const { event } = decoded;
  const handler = options.handlers[event.type] as Handler | undefined;
  if (handler === undefined) return 'not-ours';
  if (desk.isDone(delivery)) return 'already-done';
  const started = options.now();
  let first: ReturnType<Handler> | undefined;
  const may = desk.mayBegin(delivery);
  if (may === true) {
    try {
      first = handler(event, { signal: ending.abandon, attempt: 1 });
    } catch (error) {
      first = Promise.reject(error);
    }
    if (Array.isArray(first) && first.length === 0) return told(event, delivery, options, started, 'handled');
  }
  return handle(event, handler, { may, first }, delivery, options, desk, ending).then((outcome) =>
    told(event, delivery, options, started, outcome),
  );
}

function told(event: OpsEvent, { id, deliveries }: Delivery, options: RunnerOptions, started: number, outcome: Outcome): Outcome {
  // The record is made only for somebody who reads it.
  if (options.log.isLevelEnabled('info')) {
    const { type, subject, correlationid: chain } = event;
    const ms = options.now() - started;
    options.log.info({ event: type, id: event.id, subject, chain, entry: id, deliveries, outcome, ms }, 'handled');
  }
  return outcome;
}

/** @param begin whether it may begin, and what the handler has returned already where it has begun */
async function handle<D extends Delivery>(
  event: OpsEvent,
  handler: Handler,
  begin: { may: boolean | Promise<boolean>; first: ReturnType<Handler> | undefined },
  delivery: D,
  options: RunnerOptions,
  desk: Desk<D>,
  ending: Ending,
): Promise<Outcome> {
  const history: string[] = [];
  const signal = ending.stop;
  let may: boolean | Promise<boolean> | undefined = begin.may;
  let begun = begin.first;
  let attempt = 1;
  let waits = 0;
  // What has begun is tried once, also while stopping; nothing is tried again then.
  do {
    try {
      const allowed = may ?? desk.mayBegin(delivery);
      may = undefined;
      if (!(await allowed)) return 'given-back';
      const drafts: readonly EventDraft[] = await (begun ?? handler(event, { signal: ending.abandon, attempt }));
      begun = undefined;
      if (drafts.length > 0) await options.publisher.publish(drafts, event);
      return 'handled';
    } catch (error) {
      begun = undefined;
      if (error instanceof DeferError && options.defer !== undefined) {
        const { defer } = options;
        return (await untilTaken(() => defer(event, error.delayMs, delivery.id), options, signal)) ? 'deferred' : 'given-back';
      }
      // A server that is away is no fault of the event: it waits, however long, and its subject with it.
      const unavailable = isUnavailable(error);
      if (!unavailable) {
        history.push(redactor.text(String(error instanceof Error ? (error.stack ?? error) : error)).slice(0, 1000));
        options.log.warn({ event: event.type, id: event.id, attempt, error }, 'handler failed');
        if ((error instanceof OpsError && !error.retryable) || attempt >= options.maxAttempts) {
          return bury(delivery, options, desk, signal, { code: 'failed', reasons: history, attempts: attempt }, event.type);
        }
        attempt += 1;
      } else {
        waits += 1;
        // At 1, 2, 4, 8...: an outage of hours must be seen, and must not fill the disk.
        if ((waits & (waits - 1)) === 0)
          options.log.warn({ event: event.type, id: event.id, waits, error }, 'waiting for a server that is away');
      }
      await pause(unavailable ? 1000 : options.backoffMs * 2 ** (attempt - 2), signal);
    }
  } while (!signal.aborted);
  return 'given-back';
}

async function bury<D extends Delivery>(
  { id }: D,
  options: RunnerOptions,
  desk: Desk<D>,
  signal: AbortSignal,
  why: DeadLetterReason,
  type?: string,
): Promise<Outcome> {
  if (!(await untilTaken(() => desk.bury(id, why, type), options, signal))) return 'given-back';
  const { stream, group } = options;
  options.log.error(
    { stream, group, id, type, code: why.code, reasons: why.reasons.map((line) => line.slice(0, 300)) },
    'entry moved to the dead letters',
  );
  return 'dead';
}

/** Repeats until Redis takes it; false when the reading ends first. */
async function untilTaken(work: () => Promise<unknown>, options: RunnerOptions, signal: AbortSignal): Promise<boolean> {
  for (let pauseMs = options.backoffMs; !signal.aborted; pauseMs *= 2) {
    try {
      await work();
      return true;
    } catch (error) {
      options.log.warn({ stream: options.stream, error }, 'Redis did not take it, trying again');
      await pause(pauseMs, signal);
    }
  }
  return false;
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(Math.min(Math.max(ms, 50), LONGEST_PAUSE_MS), undefined, { signal }).catch(() => undefined);
}
