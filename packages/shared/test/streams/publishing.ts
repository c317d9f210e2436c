import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { pino } from 'pino';
import {
  createPublisher,
  openClient,
  openSpool,
  type Publisher,
  type PublisherOptions,
  type RedisClient,
  type Spool,
} from '../../src/streams/index.js';
import { alert, level } from '../../src/testing/index.js';

/** A publisher as a service has it, for tests: with a spool in a folder of its own, and impatient. */
export interface Publishing {
  readonly publisher: Publisher;
  readonly spool: Spool | undefined;
  readonly folder: string;
  readonly client: RedisClient;
  /** Log lines of level warn and above. */
  readonly log: string[];
  /** Publishes alerts with these statuses about one subject, in order, without waiting between them. */
  say(...statuses: string[]): Promise<unknown>;
  /** Ends it; the folder stays for the next one. */
  end(): Promise<void>;
  close(): Promise<void>;
}

export { alert, level };

export async function publishing(
  url: string,
  {
    folder,
    maxBytes = 1_000_000,
    spooled = true,
    ...options
  }: Partial<PublisherOptions> & { folder?: string; maxBytes?: number; spooled?: boolean } = {},
): Promise<Publishing> {
  const log: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line) => log.push(line) });
  const home = folder ?? (await mkdtemp(join(tmpdir(), 'ops-test-publishing-')));
  const spool = spooled ? await openSpool(join(home, 'spool'), { maxBytes, log: logger }) : undefined;
  const client = openClient(url, 'test-publishing');
  // Away or not: it is the publisher's business.
  await client.connect().catch(() => undefined);
  const origin = { service: 'test', host: 'h' };
  const publisher = createPublisher({ client, origin, now: () => Date.now(), log: logger, spool, answerMs: 500, ...options });
  const end = async () => {
    await publisher.close();
    await spool?.close();
    client.disconnect();
  };
  return {
    publisher,
    spool,
    folder: home,
    client,
    log,
    say: (...statuses) => Promise.all(statuses.map((status) => publisher.publish([alert(status)]))),
    end,
    async close() {
      await end();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** What lies in ops:alerts, by status, oldest first. */
export async function statuses(redis: RedisClient): Promise<string[]> {
  const entries = await redis.xrange('ops:alerts', '-', '+');
  return entries.map(([, fields]) => (JSON.parse(fields[1] ?? '{}') as { data: { status: string } }).data.status);
}

export const numbers = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(from + index));
