import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { type Decoded, type EventDraft, issueLine, type OpsEvent } from '../events/index.js';
import { redactor } from '../secrets/index.js';
import type { DeadLetterReason } from './dead-letters.js';
import { DeferError, isUnavailable, OpsError } from './errors.js';
import type { Handler, Handlers } from './handlers.js';
import type { Publisher } from './publisher.js';

/** An entry in hand. */
export interface Delivery {
  readonly id: string;
  readonly decoded: Decoded;
  /** How often it was delivered, this time included. */
  readonly deliveries: number;
  /** The group that it is for alone, where it was written for one (a deferred event). */
  readonly only: string | undefined;
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
export interface Desk {
  /** Whether the group is done with this event (`source/id`). */
  readonly isDone: (marker: string) => boolean;
  /** Resolves with true when a handler may begin: the lease is ours. False when the reading ends first. */
  readonly mayBegin: () => Promise<boolean>;
  /** Moves the entry to the dead letters. */
  readonly bury: (id: string, why: DeadLetterReason, type?: string) => Promise<unknown>;
}

const LONGEST_PAUSE_MS = 30_000;

/** The idempotency key of an event: `source/id`. */
export const markerOf = (event: OpsEvent) => `${event.source}/${event.id}`;

/** Handles one entry: its outputs are published, or it is dead, or given back for another delivery. Never rejects. */
export async function runEntry(delivery: Delivery, options: RunnerOptions, desk: Desk, ending: Ending): Promise<Outcome> {
  const started = options.now();
  const { decoded, only } = delivery;
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
  const handler = options.handlers[decoded.event.type] as Handler | undefined;
  if (handler === undefined) return 'not-ours';
  if (desk.isDone(markerOf(decoded.event))) return 'already-done';
  // Whatever somebody wrote into it: no handler stores, says or shows a secret of ours.
  const event = redactor.data<OpsEvent>(decoded.event, decoded.text);
  const outcome = await handle(event, handler, delivery, options, desk, ending);
  options.log.info(
    {
      event: event.type,
      id: event.id,
      subject: event.subject,
      chain: event.correlationid,
      entry: delivery.id,
      deliveries: delivery.deliveries,
      outcome,
      ms: options.now() - started,
    },
    'handled',
  );
  return outcome;
}

async function handle(
  event: OpsEvent,
  handler: Handler,
  delivery: Delivery,
  options: RunnerOptions,
  desk: Desk,
  ending: Ending,
): Promise<Outcome> {
  const history: string[] = [];
  const signal = ending.stop;
  let attempt = 1;
  let waits = 0;
  // What has begun is tried once, also while stopping; nothing is tried again then.
  do {
    try {
      if (!(await desk.mayBegin())) return 'given-back';
      const drafts: readonly EventDraft[] = await handler(event, { signal: ending.abandon, attempt });
      if (drafts.length > 0) await options.publisher.publish(drafts, event);
      return 'handled';
    } catch (error) {
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

async function bury(
  { id }: Delivery,
  options: RunnerOptions,
  desk: Desk,
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
