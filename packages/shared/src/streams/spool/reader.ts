import { open } from 'node:fs/promises';
import { lineAt, type SpoolLine } from './line.js';
import type { Segment } from './segments.js';

/** A line that was read ahead, and where it ends. */
export interface ReadLine {
  readonly line: SpoolLine;
  readonly segment: Segment;
  readonly end: number;
}

// Above the largest event (256 KiB) with its frame.
const CHUNK = 1024 * 1024;

/** Reads segments in order, a chunk at a time; only what is durable. */
export class SegmentReader {
  readonly #segments: () => readonly Segment[];
  readonly #damaged: (segment: Segment, rest: boolean) => void;
  #number: number;
  #offset: number;

  /** @param damaged told of a line, or of the whole rest of a segment, that has become unreadable since it was checked */
  constructor(
    segments: () => readonly Segment[],
    start: { segment: number; offset: number },
    damaged: (segment: Segment, rest: boolean) => void,
  ) {
    this.#segments = segments;
    this.#damaged = damaged;
    this.#number = start.segment;
    this.#offset = start.offset;
  }

  /** The next lines; none where nothing is left. Rejects with what the disk says. */
  async next(): Promise<ReadLine[]> {
    for (const segment of this.#segments()) {
      if (segment.number < this.#number) continue;
      if (segment.number > this.#number) {
        this.#number = segment.number;
        this.#offset = 0;
      }
      if (this.#offset >= segment.bytes) continue;
      const lines = this.#parse(segment, await chunkOf(segment, this.#offset));
      if (lines.length > 0) return lines;
    }
    return [];
  }

  #parse(segment: Segment, bytes: Buffer): ReadLine[] {
    const lines: ReadLine[] = [];
    const base = this.#offset;
    let at = 0;
    for (;;) {
      const found = lineAt(bytes, at);
      if (found.kind === 'unfinished') break;
      at = found.end;
      if (found.kind === 'line') lines.push({ line: found.line, segment, end: base + at });
      else this.#damaged(segment, false);
    }
    this.#offset = base + at;
    if (at === 0) {
      // No line ends here any more: there is nothing to go on from.
      this.#damaged(segment, true);
      this.#offset = segment.bytes;
    }
    return lines;
  }
}

async function chunkOf(segment: Segment, offset: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(Math.min(CHUNK, segment.bytes - offset));
  const file = await open(segment.path, 'r');
  try {
    const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
