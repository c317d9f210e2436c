import { z } from 'zod';

/** The largest entry that the bus takes, in bytes of its JSON: above it an event belongs into a store, with a reference. */
export const MAX_EVENT_BYTES = 256 * 1024;

const text = (most: number) => z.string().min(1).max(most);
const timestamp = z.iso.datetime({ offset: true });

/**
 * The envelope: CloudEvents 1.0 in JSON mode, as one stream field `event`. `source` + `id` is the idempotency key
 * (CloudEvents 1.0.2, 3.1: consumers may assume that events with the same source and id are duplicates).
 */
const attributes = z.object({
  specversion: z.literal('1.0'),
  id: text(200),
  source: text(300),
  type: z
    .string()
    .max(100)
    .regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, 'noun.verb'),
  subject: text(300),
  time: timestamp,
  datacontenttype: z.literal('application/json').optional(),
  dataschema: z
    .string()
    .max(200)
    .regex(/^urn:ops:[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*:v\d+$/, 'urn:ops:<type>:v<version>')
    .optional(),
  /** The chain that this event belongs to: the id of the event that began it. */
  correlationid: text(200).optional(),
  /** The event that caused this one, as `source/id`. */
  causationid: text(600).optional(),
  traceparent: text(100).optional(),
  /** Who asked: a person, a service, a producer. */
  actor: text(200).optional(),
  /** The machine that it speaks of. */
  host: text(200).optional(),
  data: z.unknown(),
});

/** Further extension attributes are allowed, and kept. */
export const envelopeSchema = attributes.loose();

export type Envelope = z.infer<typeof attributes>;

/** The version that a `dataschema` names; 1 where none is given. */
export function schemaVersion(dataschema: string | undefined): number {
  return dataschema === undefined ? 1 : Number(dataschema.slice(dataschema.lastIndexOf(':v') + 2));
}

/** The name of a type's schema at a version, for `dataschema`. */
export function schemaName(type: string, version: number): string {
  return `urn:ops:${type}:v${version}`;
}
