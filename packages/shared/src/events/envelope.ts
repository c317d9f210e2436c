import { z } from 'zod';

/** The largest entry that the bus takes, in bytes of its JSON: above it an event belongs into a store, with a reference. */
export const MAX_EVENT_BYTES = 256 * 1024;

/** The attributes that are plain texts, and how many characters each may have. */
const MOST = {
  id: 200,
  source: 300,
  subject: 300,
  correlationid: 200,
  causationid: 600,
  traceparent: 100,
  actor: 200,
  host: 200,
} as const;

const text = (attribute: keyof typeof MOST) => z.string().min(1).max(MOST[attribute]);
const timestamp = z.iso.datetime({ offset: true });
const TIMESTAMP = z.regexes.datetime({ offset: true });

/**
 * The envelope: CloudEvents 1.0 in JSON mode, as one stream field `event`. `source` + `id` is the idempotency key
 * (CloudEvents 1.0.2, 3.1: consumers may assume that events with the same source and id are duplicates).
 */
const attributes = z.object({
  specversion: z.literal('1.0'),
  id: text('id'),
  source: text('source'),
  type: z
    .string()
    .max(100)
    .regex(/^[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*$/, 'noun.verb'),
  subject: text('subject'),
  time: timestamp,
  datacontenttype: z.literal('application/json').optional(),
  dataschema: z
    .string()
    .max(200)
    .regex(/^urn:ops:[a-z][a-z0-9-]*\.[a-z][a-z0-9-]*:v\d+$/, 'urn:ops:<type>:v<version>')
    .optional(),
  /** The chain that this event belongs to: the id of the event that began it. */
  correlationid: text('correlationid').optional(),
  /** The event that caused this one, as `source/id`. */
  causationid: text('causationid').optional(),
  traceparent: text('traceparent').optional(),
  /** Who asked: a person, a service, a producer. */
  actor: text('actor').optional(),
  /** The machine that it speaks of. */
  host: text('host').optional(),
  data: z.unknown(),
});

/** Further extension attributes are allowed, and kept. */
export const envelopeSchema = attributes.loose();

export type Envelope = z.infer<typeof attributes>;

const TEXTS: ReadonlyMap<string, number> = new Map(Object.entries(MOST));
const OTHERS: ReadonlySet<string> = new Set(['specversion', 'type', 'time', 'datacontenttype', 'dataschema', 'data']);

/**
 * Whether an input is an envelope without further attributes, as our own publishers write it. What is plain is an envelope by the
 * schema; of what is not, the schema says what it is. Each event is read on its way to a handler, and this needs a third of the time.
 *
 * @param isKnown whether a type and its dataschema are the catalog's: their forms are not looked at here
 */
export function isPlainEnvelope(
  input: unknown,
  isKnown: (type: unknown, dataschema: unknown) => boolean,
): input is Envelope & { readonly type: string } {
  if (typeof input !== 'object' || input === null) return false;
  const { specversion, id, source, subject, type, time, datacontenttype, dataschema, data } = input as Record<string, unknown>;
  if (specversion !== '1.0' || id === undefined || source === undefined || subject === undefined) return false;
  if (data === undefined || datacontenttype !== 'application/json' || !isKnown(type, dataschema)) return false;
  for (const attribute of Object.keys(input)) {
    const value = (input as Record<string, unknown>)[attribute];
    const most = TEXTS.get(attribute);
    if (most === undefined ? !OTHERS.has(attribute) : typeof value !== 'string' || value === '' || value.length > most)
      return false;
  }
  return typeof time === 'string' && TIMESTAMP.test(time);
}

/** The version that a `dataschema` names; 1 where none is given. */
export function schemaVersion(dataschema: string | undefined): number {
  return dataschema === undefined ? 1 : Number(dataschema.slice(dataschema.lastIndexOf(':v') + 2));
}

/** The name of a type's schema at a version, for `dataschema`. */
export function schemaName(type: string, version: number): string {
  return `urn:ops:${type}:v${version}`;
}
