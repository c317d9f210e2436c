import { catalog, decodeEnvelope, type EventDraft, encodeEvent, issueLine, type OpsEvent } from '../events/index.js';
import type { RedisClient } from './clients.js';
import { isUnavailable, OpsError, PermanentError } from './errors.js';
import { type Origin, stamp } from './stamp.js';

const DEADLINE_MS = 10_000;

/** Writes events to their streams. */
export interface Publisher {
  /**
   * Stamps the drafts and writes them, in order per stream. Resolves when every one is stored.
   * Rejects with a PermanentError for an event that its own schema refuses (a mistake of ours, found before anybody reads
   * it), and with code BUS_UNAVAILABLE when Redis did not take them: the caller tries again, doubles are absorbed by id.
   */
  publish(drafts: readonly EventDraft[], cause?: OpsEvent): Promise<readonly OpsEvent[]>;
}

/** A publisher on a non-blocking client; `now` gives epoch ms. */
export function createPublisher(client: RedisClient, origin: Origin, now: () => number): Publisher {
  return {
    async publish(drafts, cause) {
      const events = drafts.map((draft, index) =>
        stamp(draft, origin, now(), cause === undefined ? undefined : { event: cause, index }),
      );
      const texts = events.map((event) => checked(event));
      await withDeadline(
        Promise.all(events.map((event, index) => client.xadd(catalog[event.type].stream, '*', 'event', texts[index] ?? ''))),
        drafts.map((draft) => draft.type),
      );
      return events;
    },
  };
}

function checked(event: OpsEvent): string {
  const decoded = decodeEnvelope(catalog[event.type].stream, event);
  if (!decoded.ok) {
    throw new PermanentError('OWN_EVENT_INVALID', `own event ${event.type} is not valid`, {
      fields: { issues: decoded.rejection.issues.map(issueLine) },
    });
  }
  try {
    return encodeEvent(event);
  } catch (cause) {
    throw new PermanentError('OWN_EVENT_TOO_LARGE', `own event ${event.type} is too large`, { cause });
  }
}

async function withDeadline(work: Promise<unknown>, types: readonly string[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`no answer within ${DEADLINE_MS} ms`)), DEADLINE_MS);
  });
  try {
    await Promise.race([work, deadline]);
  } catch (cause) {
    // A refusal (a missing right, a key of another kind) is no absence: waiting does not mend it.
    if (!isUnavailable(cause))
      throw new OpsError('BUS_REFUSED', 'Redis refused the events', { retryable: true, fields: { types }, cause });
    throw new OpsError('BUS_UNAVAILABLE', 'Redis did not take the events', { retryable: true, fields: { types }, cause });
  } finally {
    clearTimeout(timer);
    // After the deadline the write may still fail: that is known already.
    work.catch(() => undefined);
  }
}
