import { randomBytes } from 'node:crypto';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { readIfThere } from '../../embedded/private-files.js';

/** What a spool remembers beside its entries. */
export interface Position {
  /** Who writes from this folder, for ever: the fence of late writes is made for it. */
  readonly writer: string;
  /** Everything before this byte of this segment is on the bus. */
  readonly segment: number;
  readonly offset: number;
  /** Stream → an id: what was written from here and is still in the spool comes after it. */
  readonly marks: Readonly<Record<string, string>>;
}

/** The position of a folder; undefined where it is not there or cannot be read. */
export async function readPosition(folder: string): Promise<Position | undefined> {
  try {
    const { writer, segment, offset, marks } = JSON.parse((await readIfThere(fileOf(folder))) ?? '') as Partial<Position>;
    if (typeof writer !== 'string' || !Number.isInteger(segment) || !Number.isInteger(offset)) return undefined;
    return { writer, segment: segment ?? 0, offset: offset ?? 0, marks: { ...marks } };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Replaces the position in one step. Only with `durable` is it sure to survive a loss of power. */
export async function writePosition(folder: string, position: Position, durable: boolean): Promise<void> {
  const made = `${fileOf(folder)}.new`;
  const file = await open(made, 'w', 0o600);
  try {
    await file.writeFile(JSON.stringify(position));
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
  await rename(made, fileOf(folder));
  if (durable) await syncFolder(folder);
}

/** A position for a folder that has none. */
export function firstPosition(segment: number): Position {
  return { writer: randomBytes(8).toString('hex'), segment, offset: 0, marks: {} };
}

/** Makes what was created, renamed or removed in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const fileOf = (folder: string) => join(folder, 'position.json');
