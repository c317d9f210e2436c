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
  /** Readers that have not had it yet. */
  wanted: number;
}

// Characters of a stream's texts that wait for a slower reader: some thousand events, and a bound for large ones.
const MOST = 2_000_000;

/** The entries of one stream that some of its readers have had and others have not. */
class SharedEntries {
  readonly #kept = new Map<string, Kept>();
  #size = 0;
  /** Readers of this stream in this process. */
  readers = 0;

  take(id: string, text: string): ReadEntry | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    kept.wanted -= 1;
    if (kept.wanted <= 0) this.#drop(id, kept);
    return kept.text === text && kept.version === redactor.version ? kept.read : undefined;
  }

  // What was read long ago and lives is what a garbage collection copies: nothing stays that nobody is waiting for.
  keep(id: string, text: string, read: ReadEntry): void {
    const wanted = this.readers - 1;
    if (wanted <= 0) return;
    const before = this.#kept.get(id);
    if (before !== undefined) this.#drop(id, before);
    this.#kept.set(id, { text, version: redactor.version, read, wanted });
    this.#size += text.length;
    if (this.#size <= MOST) return;
    // A Map keeps the order of insertion: the first is the oldest.
    for (const [oldest, one] of this.#kept) {
      this.#drop(oldest, one);
      if (this.#size <= MOST) return;
    }
  }

  #drop(id: string, kept: Kept): void {
    this.#kept.delete(id);
    this.#size -= kept.text.length;
  }
}

/** Reads the entries of one stream for one reader. */
export interface StreamEntries {
  /** The same event for all readers of the process, so handlers must not change it. */
  read(id: string, fields: readonly string[]): ReadEntry;
  /** This reader reads no more: nothing is kept for it. */
  close(): void;
}

/**
 * Reads entries. Services in one process read the same streams, one shortly after the other: what one of them has read is kept
 * until the others have had it.
 */
export class EntryReader {
  readonly #streams = new Map<string, SharedEntries>();

  open(stream: string): StreamEntries {
    const shared = this.#streams.get(stream) ?? new SharedEntries();
    this.#streams.set(stream, shared);
    shared.readers += 1;
    let open = true;
    return {
      read(id, fields) {
        const text = fields[1];
        // Only the plain form is kept: it is what services publish to each other.
        if (text === undefined || fields.length !== 2) return readEntry(stream, id, fields);
        const kept = shared.take(id, text);
        if (kept !== undefined) return kept;
        const read = readEntry(stream, id, fields);
        shared.keep(id, text, read);
        return read;
      },
      close() {
        if (open) shared.readers -= 1;
        open = false;
      },
    };
  }
}

/** Reads one entry for nobody else. */
export function readEntry(stream: string, id: string, fields: readonly string[]): ReadEntry {
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
