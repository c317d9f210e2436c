import { redactor } from '../secrets/index.js';
import { catalog, catalogEntry, EVENT_TYPES, type EventData, type EventType } from './catalog.js';
import type { CatalogEntry } from './catalog-entry.js';
import { type Envelope, envelopeSchema, isPlainEnvelope, MAX_EVENT_BYTES, schemaName, schemaVersion } from './envelope.js';
import type { RejectCode, Rejection } from './errors.js';
import { issuesOf, shown } from './issues.js';
import { hasNul, showNul } from './nul.js';

/** A decoded event: the envelope, with its data as the catalog's schema gives it. */
export type OpsEvent<T extends EventType = EventType> = T extends EventType
  ? Omit<Envelope, 'type' | 'data'> & { readonly type: T; readonly data: EventData<T> }
  : never;

/** What a handler returns: the runtime adds id, source, time and the chain. */
export type EventDraft<T extends EventType = EventType> = T extends EventType
  ? {
      readonly type: T;
      readonly subject: string;
      readonly data: EventData<T>;
      readonly actor?: string;
      readonly host?: string;
      /** When it happened, epoch ms; now where it is not given. */
      readonly at?: number;
      /** What the event is for; the same purpose gives the same id, so that a repeat is absorbed. */
      readonly purpose?: string;
    }
  : never;

/** `text` is the JSON that the event was read from, where it was one. */
export type Decoded =
  | { readonly ok: true; readonly event: OpsEvent; readonly text?: string }
  | { readonly ok: false; readonly rejection: Rejection };

const reject = (code: RejectCode, path: string, value: unknown, expected: string): Decoded => ({
  ok: false,
  rejection: { code, issues: [{ path, value: shown(value, path.split('.').at(-1)), expected }] },
});

/**
 * Reads an entry of a stream in either inbound form: the envelope as JSON in the field `event`, or flat fields
 * (`type`, `data`, and any attribute of the envelope), where id, time and source come from the entry.
 *
 * Never throws: what cannot be read is a rejection with path, value and expectation.
 */
export function decodeEntry(stream: string, entryId: string, fields: readonly string[]): Decoded {
  const [name, text] = fields;
  if (name === 'event' && text !== undefined && fields.length === 2) return decodeText(stream, text);
  const record = fieldRecord(fields);
  if (record === undefined) return reject('bad-envelope', '(fields)', fields.length, 'each field at most once, in pairs');
  const bytes = fields.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  if (bytes > MAX_EVENT_BYTES) return reject('too-large', '(entry)', `${bytes} bytes`, `at most ${MAX_EVENT_BYTES} bytes`);
  // Redis holds bytes; the client turns invalid UTF-8 into U+FFFD, and what was meant is gone.
  const broken = Object.entries(record).find(([key, text]) => key.includes('\uFFFD') || text.includes('\uFFFD'));
  if (broken !== undefined) return reject('not-utf8', broken[0], broken[1], 'valid UTF-8');
  if (record.event !== undefined) return decodeText(stream, record.event);
  const envelope = flatEnvelope(stream, entryId, record);
  return envelope.ok ? decodeEnvelope(stream, envelope.value) : envelope;
}

// The plain form: an event as JSON in one field.
function decodeText(stream: string, text: string): Decoded {
  const bytes = 'event'.length + Buffer.byteLength(text);
  if (bytes > MAX_EVENT_BYTES) return reject('too-large', '(entry)', `${bytes} bytes`, `at most ${MAX_EVENT_BYTES} bytes`);
  if (text.includes('\uFFFD')) return reject('not-utf8', 'event', text, 'valid UTF-8');
  const envelope = parseJson('event', text);
  if (!envelope.ok) return envelope;
  const decoded = decodeEnvelope(stream, envelope.value);
  return decoded.ok ? { ok: true, event: decoded.event, text } : decoded;
}

/** Checks a parsed envelope and its data against the catalog. */
export function decodeEnvelope(stream: string, input: unknown): Decoded {
  const plain = isPlainEnvelope(input, isCurrent) ? catalogEntry(input.type) : undefined;
  if (plain?.stream === stream) return decodeData(plain, input as Envelope);
  const parsed = envelopeSchema.safeParse(input);
  if (!parsed.success) {
    return { ok: false, rejection: { code: 'bad-envelope', issues: issuesOf(parsed.error, input, 'event') } };
  }
  const envelope = parsed.data;
  const entry = catalogEntry(envelope.type);
  if (entry === undefined)
    return reject('unknown-type', 'event.type', envelope.type, 'a type of the catalog (docs/event-map.md)');
  if (entry.stream !== stream) return reject('wrong-stream', 'event.type', envelope.type, `to be written to ${entry.stream}`);
  const version = schemaVersion(envelope.dataschema);
  if (
    version !== entry.version ||
    (envelope.dataschema ?? schemaName(envelope.type, version)) !== schemaName(envelope.type, version)
  ) {
    return reject('unknown-version', 'event.dataschema', envelope.dataschema, schemaName(envelope.type, entry.version));
  }
  return decodeData(entry, envelope);
}

const SCHEMA_NAMES: ReadonlyMap<unknown, string> = new Map(
  EVENT_TYPES.map((type) => [type, schemaName(type, catalog[type].version)]),
);

function isCurrent(type: unknown, dataschema: unknown): boolean {
  return dataschema !== undefined && SCHEMA_NAMES.get(type) === dataschema;
}

function decodeData(entry: CatalogEntry, envelope: Envelope): Decoded {
  const data = entry.schema.safeParse(envelope.data);
  if (!data.success) {
    return { ok: false, rejection: { code: 'bad-data', issues: issuesOf(data.error, envelope.data, 'data') } };
  }
  return { ok: true, event: { ...envelope, data: data.data } as unknown as OpsEvent };
}

/** The event as the text of the field `event`, without secrets. Throws a RangeError past {@link MAX_EVENT_BYTES}. */
export function encodeEvent(event: OpsEvent): string {
  const text = showNul(redactor.json(event));
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_EVENT_BYTES) throw new RangeError(`${event.type} is ${bytes} bytes, expected at most ${MAX_EVENT_BYTES}`);
  return text;
}

function fieldRecord(fields: readonly string[]): Record<string, string> | undefined {
  const record: Record<string, string> = Object.create(null);
  for (let index = 0; index < fields.length; index += 2) {
    const key = fields[index];
    const value = fields[index + 1];
    if (key === undefined || value === undefined || record[key] !== undefined) return undefined;
    record[key] = value;
  }
  return record;
}

const TEXT = 'text without U+0000, which PostgreSQL cannot store';

type Parsed = { readonly ok: true; readonly value: unknown } | Extract<Decoded, { ok: false }>;

function parseJson(path: string, text: string): Parsed {
  if (hasNul(text)) return reject('not-text', path, text, TEXT) as Parsed;
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return reject('not-json', path, text, 'JSON') as Extract<Decoded, { ok: false }>;
  }
}

// Flat fields: `XADD ops:guard * type guard.reported data '{...}'`. Attributes of the envelope may be given as fields too.
function flatEnvelope(stream: string, entryId: string, record: Record<string, string>): Parsed {
  const nul = Object.entries(record).find(([, value]) => value.includes('\0'));
  if (nul !== undefined) return reject('not-text', ...nul, TEXT) as Parsed;
  const { type, data, ...rest } = record;
  if (type === undefined) {
    return reject(
      'no-event-field',
      '(fields)',
      Object.keys(record).join(', '),
      'a field `event`, or fields `type` and `data`',
    ) as Parsed;
  }
  const parsed: Parsed = data === undefined ? { ok: true, value: {} } : parseJson('data', data);
  if (!parsed.ok) return parsed;
  const milliseconds = Number(entryId.split('-')[0]);
  const time = new Date(Number.isFinite(milliseconds) ? Math.min(milliseconds, 8.64e15) : 0).toISOString();
  return {
    ok: true,
    value: { specversion: '1.0', id: entryId, source: stream, subject: type, time, ...rest, type, data: parsed.value },
  };
}
