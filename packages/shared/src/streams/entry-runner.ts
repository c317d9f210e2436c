import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { decodeEntry, type EventDraft, issueLine, keys, type OpsEvent } from '../events/index.js';
import { redactor } from '../secrets/index.js';
import type { RedisClient } from './clients.js';
import { type DeadLetterReason, moveToDeadLetters } from './dead-letters.js';
import { isUnavailable, OpsError } from './errors.js';
import type { Handler, Handlers } from './handlers.js';
import type { Publisher } from './publisher.js';

/** An entry as Redis delivered it. */
export interface Delivery {
  readonly id: string;
  readonly fields: readonly string[];
  /** How often Redis has delivered it, this time included. */
  readonly deliveries: number;
}

/** How a service ends: first it stops (nothing is tried again), past its deadline it is abandoned (handlers are told). */
export interface Ending {
  readonly stop: AbortSignal;
  readonly abandon: AbortSignal;
}

export type Outcome = 'handled' | 'not-ours' | 'already-done' | 'dead' | 'given-back';

export interface RunnerOptions {
  readonly client: RedisClient;
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
  /** How long a done marker stays, in seconds: longer than the streams keep their entries. */
  readonly doneTtlSeconds: number;
}

const LONGEST_PAUSE_MS = 30_000;

/** Handles one entry to its end: done and acknowledged, dead and acknowledged, or given back for another delivery. */
export async function runEntry(delivery: Delivery, options: RunnerOptions, ending: Ending): Promise<Outcome> {
  const signal = ending.stop;
  const started = options.now();
  // Before the handler runs: one that kills the process must not be given the same entry for ever.
  if (delivery.deliveries > options.maxDeliveries) {
    return bury(delivery, options, signal, {
      code: 'delivery-limit',
      reasons: [`delivered ${delivery.deliveries} times and never finished`],
      attempts: delivery.deliveries,
    });
  }
  const decoded = decodeEntry(options.stream, delivery.id, delivery.fields);
  if (!decoded.ok) {
    const { code, issues } = decoded.rejection;
    return bury(delivery, options, signal, { code, reasons: issues.map(issueLine), attempts: 0, forAll: true });
  }
  // Whatever somebody wrote into it: no handler stores, says or shows a secret of ours.
  const event = redactor.value(decoded.event) as OpsEvent;
  const handler = options.handlers[event.type] as Handler | undefined;
  if (handler === undefined) {
    return (await untilAvailable(() => options.client.xack(options.stream, options.group, delivery.id), options, signal))
      ? 'not-ours'
      : 'given-back';
  }
  const outcome = await handle(event, handler, delivery, options, ending);
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
  ending: Ending,
): Promise<Outcome> {
  const done = keys.done(options.stream, options.group, `${event.source}/${event.id}`);
  const history: string[] = [];
  const signal = ending.stop;
  let attempt = 1;
  let waits = 0;
  // What has begun is tried once, also while stopping; nothing is tried again then.
  do {
    try {
      if ((await options.client.exists(done)) === 1) {
        await options.client.xack(options.stream, options.group, delivery.id);
        return 'already-done';
      }
      const drafts: readonly EventDraft[] = await handler(event, { signal: ending.abandon, attempt });
      if (drafts.length > 0) await options.publisher.publish(drafts, event);
      await settle(done, delivery, options);
      return 'handled';
    } catch (error) {
      // A server that is away is no fault of the event: it waits, however long, and its subject with it.
      const unavailable = isUnavailable(error);
      if (!unavailable) {
        history.push(redactor.text(String(error instanceof Error ? (error.stack ?? error) : error)).slice(0, 1000));
        options.log.warn({ event: event.type, id: event.id, attempt, error }, 'handler failed');
        if ((error instanceof OpsError && !error.retryable) || attempt >= options.maxAttempts) {
          return bury(delivery, options, signal, { code: 'failed', reasons: history, attempts: attempt }, event.type);
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

// Outputs are published by now. Marker and acknowledgement share a slot and are one MULTI: a crash before it repeats the
// handler, whose outputs carry the same ids; a crash after it repeats nothing.
async function settle(done: string, delivery: Delivery, options: RunnerOptions): Promise<void> {
  const replies = await options.client
    .multi()
    .set(done, '1', 'EX', options.doneTtlSeconds)
    .xack(options.stream, options.group, delivery.id)
    .exec();
  const refused = replies?.find(([error]) => error !== null)?.[0];
  if (refused) throw refused;
}

async function bury(
  delivery: Delivery,
  options: RunnerOptions,
  signal: AbortSignal,
  why: DeadLetterReason,
  type?: string,
): Promise<Outcome> {
  const entry = { stream: options.stream, group: options.group, id: delivery.id, ...(type === undefined ? {} : { type }) };
  const buried = await untilAvailable(
    () => moveToDeadLetters(options.client, entry, why, new Date(options.now()).toISOString()),
    options,
    signal,
  );
  if (!buried) return 'given-back';
  options.log.error(
    { ...entry, code: why.code, reasons: why.reasons.map((line) => line.slice(0, 300)) },
    'entry moved to the dead letters',
  );
  return 'dead';
}

/** Repeats until Redis takes it; false when the service stops first. */
async function untilAvailable(work: () => Promise<unknown>, options: RunnerOptions, signal: AbortSignal): Promise<boolean> {
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
