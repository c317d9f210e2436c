import { type Decoded, decodeEntry, keys, type OpsEvent } from '../events/index.js';
import { redactor } from '../secrets/index.js';
import { type Hashed, hashed } from './known-done.js';

/** An entry as its readers take it. */
export interface ReadEntry {
  /** The event, without secrets: whatever somebody wrote into it, no handler stores, says or shows a secret of ours. */
  readonly decoded: Decoded;
  /** The idempotency key of the event, `source/id`; undefined for what cannot be read. */
  readonly marker: string | undefined;
  /** The same, as the filter of what is done knows it. */
  readonly hashed: Hashed;
  /** The group that it is for alone, where it was written for one (a deferred event). */
  readonly only: string | undefined;
}

const NOTHING: Hashed = { hash: 0, step: 1 };

interface Kept {
  readonly text: string;
  readonly version: number;
  readonly read: ReadEntry;
}

// Characters of a stream's texts: some thousand events, and a bound for large ones.
const MOST = 2_000_000;

/** The last entries of one stream. */
class KeptEntries {
  readonly #kept = new Map<string, Kept>();
  #size = 0;

  get(id: string, text: string): ReadEntry | undefined {
    const kept = this.#kept.get(id);
    return kept !== undefined && kept.text === text && kept.version === redactor.version ? kept.read : undefined;
  }

  keep(id: string, text: string, read: ReadEntry): void {
    this.#size += text.length - (this.#kept.get(id)?.text.length ?? 0);
    this.#kept.set(id, { text, version: redactor.version, read });
    if (this.#size <= MOST) return;
    // A Map keeps the order of insertion: the first is the oldest.
    for (const [oldest, one] of this.#kept) {
      this.#kept.delete(oldest);
      this.#size -= one.text.length;
      if (this.#size <= MOST) return;
    }
  }
}

/**
 * Reads entries, and keeps the last ones: services in one process read the same streams, one shortly after the other. What is
 * kept is the same event for all of them, so handlers must not change it.
 */
export class EntryReader {
  readonly #streams = new Map<string, KeptEntries>();

  read(stream: string, id: string, fields: readonly string[]): ReadEntry {
    const text = fields[1];
    // Only the plain form is kept: it is what services publish to each other.
    if (text === undefined || fields.length !== 2) return fresh(stream, id, fields);
    let entries = this.#streams.get(stream);
    if (entries === undefined) {
      entries = new KeptEntries();
      this.#streams.set(stream, entries);
    }
    const kept = entries.get(id, text);
    if (kept !== undefined) return kept;
    const read = fresh(stream, id, fields);
    entries.keep(id, text, read);
    return read;
  }
}

function fresh(stream: string, id: string, fields: readonly string[]): ReadEntry {
  const decoded = decodeEntry(stream, id, fields);
  const only = fields.length > 2 ? fieldOf(fields, keys.onlyField) : undefined;
  if (!decoded.ok) return { decoded, marker: undefined, hashed: NOTHING, only };
  const event = redactor.data<OpsEvent>(decoded.event, decoded.text);
  // A flat string: one that is made of parts would be put together again by whoever hashes it.
  const marker = [event.source, event.id].join('/');
  return { decoded: { ok: true, event }, marker, hashed: hashed(marker), only };
}

function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1];
  return undefined;
}
