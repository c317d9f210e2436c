import type { Logger } from 'pino';
import {
  catalog,
  decodeEnvelope,
  type EventDraft,
  encodeEvent,
  issueLine,
  type OpsEvent,
  type StreamName,
} from '../events/index.js';
import type { RedisClient } from './clients.js';
import { PermanentError } from './errors.js';
import { isConfirmedType } from './publish/confirmed.js';
import { Delivery } from './publish/delivery.js';
import type { Spool, SpoolSize } from './spool/spool.js';
import { type Origin, stamp } from './stamp.js';

/** Writes events to their streams. */
export interface Publisher {
  /**
   * Stamps the drafts and writes them, in order per stream. Resolves when every one is stored: in Redis or, while Redis
   * does not take them, in the spool. What is called in the same turn of the event loop is written together.
   *
   * Rejects with a PermanentError for an event that its own schema refuses (a mistake of ours, found before anything is
   * stored), with BUS_UNAVAILABLE when neither Redis nor the spool took them (without a spool within 10 s), with
   * BUS_REFUSED when Redis says no for another reason than its state, and with BUS_NOT_REPLICATED when they are stored and
   * too few replicas have confirmed. Who then publishes again does so with the same ids: doubles are absorbed.
   */
  publish(drafts: readonly EventDraft[], cause?: OpsEvent): Promise<readonly OpsEvent[]>;
  /** What is in the spool, and not on the bus yet. */
  readonly waiting: SpoolSize;
  /** Ends it before its client; what was accepted and is not on the bus stays in the spool. */
  close(): Promise<void>;
}

export interface PublisherOptions {
  /** Whose address and user it publishes with, over connections of its own. */
  readonly client: RedisClient;
  readonly origin: Origin;
  /** Epoch ms. */
  readonly now: () => number;
  readonly log?: Logger;
  /** Where events wait while Redis is away; without it they are refused then. */
  readonly spool?: Spool | undefined;
  /** Replicas that must confirm what the catalog calls `confirmed`; 0 where it is not given. */
  readonly minReplicas?: number;
  /** They must be on the master's disk too (WAITAOF, Redis 7.2). */
  readonly confirmDisk?: boolean;
  /** How long they are waited for, in ms; 1,000 where it is not given. */
  readonly replicaTimeoutMs?: number;
  /** How long one answer of Redis is waited for, in ms; 4,000 where it is not given. */
  readonly answerMs?: number;
}

/** A publisher; it connects when there is something to write. Throws CONFIG_INVALID for confirmations of a Cluster. */
export function createPublisher(options: PublisherOptions): Publisher {
  const { client, origin, now, log, spool } = options;
  const { minReplicas = 0, confirmDisk = false, replicaTimeoutMs = 1000, answerMs = 4000 } = options;
  // WAIT and WAITAOF speak of one connection's writes, and a Cluster's client has one for each master.
  if (client.isCluster && minReplicas > 0)
    throw new PermanentError('CONFIG_INVALID', `bus.min_replicas: ${minReplicas}: expected 0 with a Cluster`);
  if (client.isCluster && confirmDisk)
    throw new PermanentError('CONFIG_INVALID', 'bus.confirm_disk: true: expected false with a Cluster');
  const confirmation = { minReplicas, confirmDisk, replicaTimeoutMs };
  const delivery = new Delivery({ client, service: origin.service, log, spool, ...confirmation, answerMs });
  return {
    async publish(drafts, cause) {
      const at = now();
      const events = drafts.map((draft, index) =>
        stamp(draft, origin, at, cause === undefined ? undefined : { event: cause, index }),
      );
      const batches = new Map<StreamName, { texts: string[]; bytes: number; confirm: boolean }>();
      for (const event of events) {
        const { stream } = catalog[event.type];
        const text = checked(stream, event);
        let batch = batches.get(stream);
        if (batch === undefined) {
          batch = { texts: [], bytes: 0, confirm: false };
          batches.set(stream, batch);
        }
        batch.texts.push(text);
        batch.bytes += text.length;
        batch.confirm ||= isConfirmedType(event.type);
      }
      await Promise.all([...batches].map(([stream, { texts, bytes, confirm }]) => delivery.send(stream, texts, bytes, confirm)));
      return events;
    },
    get waiting() {
      return delivery.waiting;
    },
    close: () => delivery.close(),
  };
}

function checked(stream: StreamName, event: OpsEvent): string {
  const decoded = decodeEnvelope(stream, event);
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
