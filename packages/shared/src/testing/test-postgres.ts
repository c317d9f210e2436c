import { randomBytes } from 'node:crypto';
import { chown } from 'node:fs/promises';
import pg from 'pg';
import { choosePort, onPort } from '../embedded/ports.js';
import { startPostgres } from '../embedded/postgres.js';
import { type PostgresPlace, placePostgres } from '../embedded/postgres-place.js';
import { databaseUrlOf } from '../embedded/record.js';
import type { RunningServer } from '../embedded/server.js';
import { remember, testFolder } from './test-servers.js';

export interface TestPostgres {
  /** Makes a new, empty database, and returns its URL. Tests may run concurrently on one each. */
  fresh(): Promise<string>;
}

let shared: Promise<TestPostgres> | undefined;

/** The one real PostgreSQL of this test worker, started when first asked for. It does not wait for the disk. */
export function testPostgres(): Promise<TestPostgres> {
  shared ??= start();
  return shared;
}

async function start(): Promise<TestPostgres> {
  const password = randomBytes(16).toString('hex');
  const { port } = remember(await launchTestPostgres(password));
  const admin = databaseUrlOf(port, password);
  let made = 0;
  return {
    fresh: async () => {
      made += 1;
      const name = `test_${made}`;
      const client = new pg.Client(admin);
      await client.connect();
      try {
        await client.query(`CREATE DATABASE ${name} TEMPLATE template0`);
      } finally {
        await client.end();
      }
      return admin.replace(/ops$/, name);
    },
  };
}

/**
 * Starts an empty PostgreSQL that goes with this process, and its folder with it.
 * @param choose the port of each attempt: a free one where it is not given. Every attempt has a folder of its own, since
 * one whose port was taken by another meanwhile takes its folder with it.
 */
export function launchTestPostgres(password: string, choose = () => choosePort(0)): Promise<RunningServer> {
  return onPort(choose, async (port) => {
    const { folder, place } = await placeTestPostgres();
    return startPostgres({ place, port, password, durable: false, removeAfter: folder });
  });
}

/** A folder for a PostgreSQL of a test, and what runs it there. */
export async function placeTestPostgres(): Promise<{ folder: string; place: PostgresPlace }> {
  const folder = await testFolder();
  const place = await placePostgres(folder);
  // Its watcher runs as that user too, and must be able to delete the folder in the end.
  if (place.user !== undefined) await chown(folder, place.user.uid, place.user.gid);
  return { folder, place };
}
