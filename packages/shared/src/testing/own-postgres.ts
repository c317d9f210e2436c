import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { onPort } from '../embedded/ports.js';
import { startPostgres } from '../embedded/postgres.js';
import { databaseUrlOf } from '../embedded/record.js';
import type { RunningServer } from '../embedded/server.js';
import { freePort } from './free-port.js';
import { placeTestPostgres } from './test-postgres.js';
import { remember } from './test-servers.js';

/** A PostgreSQL of one test, to be stopped. Its URL and what it holds stay the same. */
export interface OwnPostgres {
  url: string;
  stop(): Promise<void>;
  /** Starts it again after `stop`. */
  start(): Promise<void>;
  /** Ends it and deletes its data. */
  close(): Promise<void>;
}

/** Starts a PostgreSQL that belongs to one test, which may stop and restart it. */
export async function ownPostgres(): Promise<OwnPostgres> {
  const password = randomBytes(16).toString('hex');
  const { folder, place } = await placeTestPostgres();
  const launch = (port: number) => startPostgres({ place, port, password, durable: false });
  let server: RunningServer = remember(await onPort(freePort, launch));
  const { port } = server;
  return {
    url: databaseUrlOf(port, password),
    stop: () => server.stop(),
    start: async () => {
      server = remember(await launch(port));
    },
    close: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
