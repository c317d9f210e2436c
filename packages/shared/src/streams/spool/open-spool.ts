import { chmod, mkdir, rm } from 'node:fs/promises';
import { EmbeddedError } from '../../embedded/errors.js';
import { lockHome } from '../../embedded/lock.js';
import { OpsError, SpoolFailedError } from '../errors.js';
import { DiskSpool } from './disk-spool.js';
import { firstPosition, readPosition, writePosition } from './position.js';
import { checkSegment, listSegments, type Segment, segmentPath } from './segments.js';
import type { Spool, SpoolOptions } from './spool.js';

/**
 * Opens the spool in a folder, and makes it first where there is none. Rejects with SPOOL_IN_USE while another process
 * has it (as far as this process can see others: not across containers), and with SPOOL_FAILED where the disk refuses.
 */
export async function openSpool(folder: string, options: SpoolOptions): Promise<Spool> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await chmod(folder, 0o700);
    const unlock = await lockHome(folder, 'this spool');
    try {
      return await load(folder, options, unlock);
    } catch (error) {
      await unlock();
      throw error;
    }
  } catch (cause) {
    if (cause instanceof EmbeddedError && cause.code === 'INSTANCE_IN_USE') {
      throw new OpsError('SPOOL_IN_USE', 'another process has the spool', { fields: { folder, ...cause.fields }, cause });
    }
    throw new SpoolFailedError(folder, cause);
  }
}

async function load(folder: string, options: SpoolOptions, unlock: () => Promise<void>): Promise<Spool> {
  const known = await readPosition(folder);
  const numbers = await listSegments(folder);
  const position = known ?? firstPosition(numbers[0] ?? 1);
  const segments: Segment[] = [];
  for (const number of numbers) {
    if (number < position.segment) {
      await rm(segmentPath(folder, number), { force: true });
      continue;
    }
    const { segment, torn, damaged, aside } = await checkSegment(
      folder,
      number,
      number === position.segment ? position.offset : 0,
    );
    if (torn > 0) options.log.warn({ folder, segment: number, bytes: torn }, 'the spool ends with an unfinished call: cut off');
    if (damaged > 0) options.log.error({ folder, segment: number, damaged, aside }, 'a damaged spool: what can be read is kept');
    segments.push(segment);
  }
  const marksLost = known === undefined && segments.some(({ entries }) => entries > 0);
  if (marksLost) options.log.warn({ folder }, 'the position of the spool is lost: it is compared with the whole streams');
  if (known === undefined) await writePosition(folder, position, true);
  const spool = new DiskSpool({ ...options, folder, unlock }, position, segments, marksLost);
  await spool.peek(1);
  return spool;
}
