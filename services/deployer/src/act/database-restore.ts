import { readFile } from 'node:fs/promises';
import { type DatabasePlace, type Dump, readDumpInto, runSql, sqlFileOf } from './database-dump.js';
import {
  createEmptyFailed,
  type DatabaseNames,
  databaseNames,
  dropRestored,
  endOurSessions,
  exchange,
  letIn,
  whichAreThere,
} from './postgres-sql.js';

/**
 * Puts a dump in the place of its database, and keeps what was there under another name: nothing is destroyed. Done again after a
 * crash, at whichever point, it comes to the same end: the names of the databases tell how far it had come, and they change in one
 * transaction. Returns the name under which the other one is kept.
 */
export async function restoreDatabase(place: DatabasePlace, dump: Dump): Promise<string> {
  const names = databaseNames(place.name, place.tag);
  // Whoever was killed may have left a program that still reads a dump in.
  await runSql(place, endOurSessions(place.tag));
  const there = await namesThere(place, names);
  if (there.has(names.failed) && there.has(names.live)) return names.failed;
  if (!there.has(names.live) && !there.has(names.failed)) await runSql(place, createEmptyFailed(names));
  // How much of it an earlier try has read in, nobody knows.
  await runSql(place, dropRestored(names));
  await runSql(place, await readFile(sqlFileOf(dump.file), 'utf8'));
  await readDumpInto(place, dump, names.restored);
  await runSql(place, exchange(names));
  return names.failed;
}

/** Where a restore is given up: whoever was locked out for it is let in again. */
export async function giveUpRestore(place: DatabasePlace): Promise<void> {
  await runSql(place, letIn(databaseNames(place.name, place.tag)));
}

async function namesThere(place: DatabasePlace, names: DatabaseNames): Promise<ReadonlySet<string>> {
  return new Set((await runSql(place, whichAreThere(names))).split('\n').filter(Boolean));
}
