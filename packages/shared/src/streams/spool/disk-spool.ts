import { rm } from 'node:fs/promises';
import { SpoolFailedError, SpoolFullError } from '../errors.js';
import { encodeCall, type SpoolEntry } from './line.js';
import { type Position, writePosition } from './position.js';
import { type ReadLine, SegmentReader } from './reader.js';
import { type Segment, setAside } from './segments.js';
import type { Spool, SpoolOptions, SpoolSize } from './spool.js';
import { Tail } from './tail.js';

interface DiskSpoolOptions extends SpoolOptions {
  readonly folder: string;
  readonly unlock: () => Promise<void>;
}

/** One `append`. */
interface Call {
  readonly bytes: Buffer;
  readonly entries: number;
  readonly at: number;
  readonly kept: () => void;
  readonly refused: (error: unknown) => void;
}

/** The spool of a folder that has been checked, see openSpool. */
export class DiskSpool implements Spool {
  readonly marksLost: boolean;
  readonly #options: DiskSpoolOptions;
  readonly #segmentBytes: number;
  readonly #segments: Segment[];
  #position: Position;
  readonly #reader: SegmentReader;
  readonly #ahead: ReadLine[] = [];
  #tail: Tail | undefined;
  #nextNumber: number;
  #entries: number;
  #bytes: number;
  #oldestAt: number | undefined;
  #calls: Call[] = [];
  #callBytes = 0;
  #flushing = false;
  #closed = false;
  // Whatever changes files does so alone.
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DiskSpoolOptions, position: Position, segments: Segment[], marksLost: boolean) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? Math.min(8 * 1024 * 1024, Math.ceil(options.maxBytes / 8));
    this.#position = position;
    this.#segments = segments;
    this.marksLost = marksLost;
    this.#reader = this.#readFrom(position);
    this.#nextNumber = Math.max(position.segment, segments.at(-1)?.number ?? 0) + 1;
    this.#entries = segments.reduce((sum, { entries }) => sum + entries, 0);
    this.#bytes = segments.reduce((sum, { bytes }) => sum + bytes, 0);
    if (segments[0]?.number === position.segment) this.#bytes -= Math.min(position.offset, segments[0].bytes);
  }

  get size(): SpoolSize {
    return { entries: this.#entries, bytes: this.#bytes, oldestAt: this.#oldestAt };
  }

  get writer(): string {
    return this.#position.writer;
  }

  get marks(): Readonly<Record<string, string>> {
    return this.#position.marks;
  }

  append(entries: readonly SpoolEntry[]): Promise<void> {
    if (this.#closed) return Promise.reject(new SpoolFailedError(this.#options.folder, new Error('the spool is closed')));
    if (entries.length === 0) return Promise.resolve();
    const at = Date.now();
    const bytes = encodeCall(entries, at);
    const { maxBytes } = this.#options;
    if (this.#bytes + this.#callBytes + bytes.length > maxBytes) {
      return Promise.reject(new SpoolFullError(this.#options.folder, this.#bytes + this.#callBytes, maxBytes));
    }
    this.#callBytes += bytes.length;
    return new Promise((kept, refused) => {
      this.#calls.push({ bytes, entries: entries.length, at, kept, refused });
      if (!this.#flushing) void this.#flush();
    });
  }

  async peek(most: number): Promise<readonly SpoolEntry[]> {
    while (this.#ahead.length < most) {
      const lines = await this.#reader.next();
      if (lines.length === 0) break;
      this.#ahead.push(...lines);
    }
    this.#oldestAt ??= this.#ahead[0]?.line.at;
    return this.#ahead.slice(0, most).map(({ line }) => line);
  }

  async take(count: number, marks: Readonly<Record<string, string>> = {}): Promise<void> {
    const taken = this.#ahead.splice(0, count);
    const last = taken.at(-1);
    if (last === undefined) return;
    await this.#alone(async () => {
      const before = { segment: this.#position.segment, offset: this.#position.offset };
      this.#entries -= taken.length;
      for (const { segment, end } of taken) {
        segment.entries -= 1;
        this.#bytes -= end - (segment.number === before.segment ? before.offset : 0);
        Object.assign(before, { segment: segment.number, offset: end });
      }
      await this.#moveTo({ segment: last.segment.number, offset: last.end }, marks);
    });
    this.#oldestAt = undefined;
    if (this.#entries > 0) await this.peek(1);
  }

  mark(marks: Readonly<Record<string, string>>): Promise<void> {
    return this.#alone(async () => {
      const position = { ...this.#position, marks: { ...this.#position.marks, ...marks } };
      try {
        await writePosition(this.#options.folder, position, true);
      } catch (cause) {
        throw new SpoolFailedError(this.#options.folder, cause);
      }
      this.#position = position;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#flushing) await this.#turn;
    await this.#alone(async () => {
      await this.#tail?.close();
      // A lock that cannot be given up counts for nothing once this process has ended.
      await this.#options.unlock().catch((error: unknown) => this.#options.log.warn({ error }, 'the spool stays locked'));
    });
  }

  async #flush(): Promise<void> {
    this.#flushing = true;
    while (this.#calls.length > 0) await this.#alone(() => this.#keep(this.#calls.splice(0)));
    this.#flushing = false;
  }

  async #keep(calls: readonly Call[]): Promise<void> {
    const bytes = calls.length === 1 && calls[0] ? calls[0].bytes : Buffer.concat(calls.map((call) => call.bytes));
    this.#callBytes -= bytes.length;
    try {
      const tail = await this.#openTail();
      await tail.add(bytes);
      const entries = calls.reduce((sum, call) => sum + call.entries, 0);
      tail.segment.entries += entries;
      this.#entries += entries;
      this.#bytes += bytes.length;
      this.#oldestAt ??= calls[0]?.at;
    } catch (cause) {
      await this.#tail?.close();
      this.#tail = undefined;
      for (const { refused } of calls) refused(new SpoolFailedError(this.#options.folder, cause));
      return;
    }
    for (const { kept } of calls) kept();
  }

  async #openTail(): Promise<Tail> {
    if (this.#tail !== undefined && this.#tail.segment.bytes < this.#segmentBytes) return this.#tail;
    await this.#tail?.close();
    this.#tail = undefined;
    const tail = await Tail.create(this.#options.folder, this.#nextNumber);
    this.#nextNumber += 1;
    this.#segments.push(tail.segment);
    this.#tail = tail;
    return tail;
  }

  // Not synced: after a loss of power some entries come again, and the look into the stream leaves them out.
  async #moveTo(to: { segment: number; offset: number }, marks: Readonly<Record<string, string>>): Promise<void> {
    this.#position = { ...this.#position, ...to, marks: { ...this.#position.marks, ...marks } };
    const warn = (error: unknown) => {
      this.#options.log.warn(
        { folder: this.#options.folder, error },
        'the spool cannot tidy up: after a crash some events are compared again',
      );
    };
    await writePosition(this.#options.folder, this.#position, false).catch(warn);
    await this.#removeFinished().catch(warn);
  }

  async #removeFinished(): Promise<void> {
    for (const segment of [...this.#segments]) {
      const isTail = segment === this.#tail?.segment;
      if (segment.entries > 0 || (isTail && this.#entries > 0)) continue;
      if (isTail) {
        await this.#tail?.close();
        this.#tail = undefined;
      }
      this.#segments.splice(this.#segments.indexOf(segment), 1);
      await rm(segment.path, { force: true });
    }
  }

  #readFrom(position: Position): SegmentReader {
    return new SegmentReader(
      () => this.#segments,
      position,
      (segment, rest) => {
        const readable = this.#ahead.filter((read) => read.segment === segment).length;
        const lost = rest ? segment.entries - readable : 1;
        segment.entries -= lost;
        this.#entries -= lost;
        const facts = { folder: this.#options.folder, segment: segment.number, lost };
        setAside(segment.path).then(
          (aside) => this.#options.log.error({ ...facts, aside }, 'a part of the spool has become unreadable'),
          (error: unknown) => this.#options.log.error({ ...facts, error }, 'a part of the spool has become unreadable'),
        );
      },
    );
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}
