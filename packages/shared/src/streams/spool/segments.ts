import { link, open, readdir, readFile, rename, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { lineAt } from './line.js';
import { syncFolder } from './position.js';

/** A file of entries. Its number gives its place in the order; it is written once, and never again after a restart. */
export interface Segment {
  readonly number: number;
  readonly path: string;
  /** Bytes that are durable. */
  bytes: number;
  /** Entries in it that wait. */
  entries: number;
}

/** What a segment had in it that it should not. */
export interface Checked {
  readonly segment: Segment;
  /** Bytes of an unfinished call that were cut off: nobody was told that it was accepted. */
  readonly torn: number;
  /** Lines that could not be read. */
  readonly damaged: number;
  /** Where the segment lies as it was found, if it was damaged. */
  readonly aside: string | undefined;
}

const NAME = /^(\d{12})\.log$/;

export const segmentPath = (folder: string, number: number) => join(folder, `${String(number).padStart(12, '0')}.log`);

/** The numbers of a folder's segments, oldest first. */
export async function listSegments(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.flatMap((name) => (NAME.test(name) ? [Number.parseInt(name, 10)] : [])).sort((a, b) => a - b);
}

/**
 * Reads a segment from an offset on and leaves it whole: an unfinished call at its end is cut off; where a line is
 * damaged, the file is kept aside as it is, and one with what can be read takes its place.
 */
export async function checkSegment(folder: string, number: number, offset: number): Promise<Checked> {
  const path = segmentPath(folder, number);
  const bytes = await readFile(path);
  const from = Math.min(offset, bytes.length);
  const good: [from: number, end: number][] = [];
  let damaged = 0;
  let at = from;
  // The first entry of a call whose end has not been seen, as an index of `good`.
  let opened: number | undefined;
  for (;;) {
    const found = lineAt(bytes, at);
    if (found.kind === 'unfinished') break;
    if (found.kind === 'line') {
      if (found.line.endsCall) opened = undefined;
      else opened ??= good.length;
      good.push([at, found.end]);
    } else {
      damaged += 1;
      // Its neighbours may belong to a call that was accepted.
      opened = undefined;
    }
    at = found.end;
  }
  const cut = opened === undefined ? at : (good[opened]?.[0] ?? at);
  const kept = opened === undefined ? good : good.slice(0, opened);
  const torn = bytes.length - cut;
  if (damaged === 0) {
    if (torn > 0) await truncate(path, cut);
    return { segment: { number, path, bytes: cut, entries: kept.length }, torn, damaged, aside: undefined };
  }
  // What is on the bus already stays in front, so that the position stays true.
  const whole = Buffer.concat([bytes.subarray(0, from), ...kept.map(([begin, end]) => bytes.subarray(begin, end))]);
  const aside = await setAside(path);
  await replace(folder, path, whole);
  return { segment: { number, path, bytes: whole.length, entries: kept.length }, torn, damaged, aside };
}

/** Keeps a copy of a segment as it is, for a person to look at; gives its path. */
export async function setAside(path: string): Promise<string> {
  const aside = path.replace(/log$/, 'damaged');
  await link(path, aside).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  return aside;
}

async function replace(folder: string, path: string, bytes: Buffer): Promise<void> {
  const made = `${path}.new`;
  const file = await open(made, 'w', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(made, path);
  await syncFolder(folder);
}
