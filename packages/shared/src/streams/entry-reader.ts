import { type Decoded, decodeEntry, keys, type OpsEvent } from '../events/index.js';
import { redactor } from '../secrets/index.js';

/** An entry as its readers take it. */
export interface ReadEntry {
  /** The event, without secrets: whatever somebody wrote into it, no handler stores, says or shows a secret of ours. */
  readonly decoded: Decoded;
  /** The idempotency key of the event, `source/id`; undefined for what cannot be read. */
  readonly marker: string | undefined;
  /** The group that it is for alone, where it was written for one (a deferred event). */
  readonly only: string | undefined;
}

interface Kept {
  readonly text: string;
  readonly version: number;
  readonly read: ReadEntry;
}

const MOST = 1024;

/**
 * Reads entries, and keeps the last ones: services in one process read the same streams, one shortly after the other. What is
 * kept is the same event for all of them, so handlers must not change it.
 */
export class EntryReader {
  readonly #kept = new Map<string, Kept>();

  read(stream: string, id: string, fields: readonly string[]): ReadEntry {
    const text = fields[1];
    // Only the plain form is kept: it is what services publish to each other.
    if (text === undefined || fields.length !== 2) return fresh(stream, id, fields);
    const key = `${stream} ${id}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.text === text && kept.version === redactor.version) return kept.read;
    const read = fresh(stream, id, fields);
    this.#kept.set(key, { text, version: redactor.version, read });
    if (this.#kept.size > MOST) for (const oldest of this.#kept.keys()) return this.#drop(oldest, read);
    return read;
  }

  #drop(oldest: string, read: ReadEntry): ReadEntry {
    this.#kept.delete(oldest);
    return read;
  }
}

function fresh(stream: string, id: string, fields: readonly string[]): ReadEntry {
  const decoded = decodeEntry(stream, id, fields);
  const only = fields.length > 2 ? valueOf(fields, keys.onlyField) : undefined;
  if (!decoded.ok) return { decoded, marker: undefined, only };
  const event = redactor.data<OpsEvent>(decoded.event, decoded.text);
  // A flat string: one that is made of parts would be put together again by whoever hashes it.
  return { decoded: { ok: true, event }, marker: [event.source, event.id].join('/'), only };
}

function valueOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1];
  return undefined;
}
