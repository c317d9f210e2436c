import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { Handlers } from '../../src/streams/index.js';
import {
  createPublisher,
  EntryReader,
  groupLags,
  openBlockingClient,
  openClient,
  type Publisher,
  type RedisClient,
  StreamConsumer,
} from '../../src/streams/index.js';

let members = 0;

/** A bus on one Redis, for tests: what it opens is closed by `close`. */
export interface TestBus {
  readonly client: RedisClient;
  readonly publisher: Publisher;
  /** Starts a member of a group on ops:alerts. */
  join(
    handlers: Handlers,
    options?: Partial<ConstructorParameters<typeof StreamConsumer>[0]>,
    /** Another address of the same Redis: a proxy. */
    consumeUrl?: string,
  ): Promise<StreamConsumer>;
  /** Publishes an alert about a subject. */
  report(subject: string, status?: string): Promise<string>;
  close(): Promise<void>;
}

export const STREAM = 'ops:alerts';
export const GROUP = 'tested';

/** What a member of the group is, with everything short. */
export function memberOptions(
  client: RedisClient,
  blocking: RedisClient,
  publisher: Publisher,
  handlers: Handlers,
): ConstructorParameters<typeof StreamConsumer>[0] {
  members += 1;
  return {
    client,
    blocking,
    publisher,
    stream: STREAM,
    group: GROUP,
    consumer: `member-${members}`,
    handlers,
    concurrency: 8,
    leaseMs: 1500,
    maxAttempts: 3,
    maxDeliveries: 3,
    backoffMs: 20,
    doneTtlMs: 3_600_000,
    log: pino({ level: 'silent' }),
    now: () => Date.now(),
    metrics: new Registry(),
    reader: new EntryReader(),
  };
}

export async function testBus(url: string): Promise<TestBus> {
  const client = openClient(url, 'test-bus');
  await client.connect();
  const publisher = createPublisher({ client, origin: { service: 'test', host: 'h' }, now: () => Date.now() });
  const closing: (() => Promise<void>)[] = [];
  return {
    client,
    publisher,
    async join(handlers, options = {}, consumeUrl = url) {
      const own = openClient(consumeUrl, 'test-member');
      const blocking = openBlockingClient(consumeUrl, 'test-member-blocking');
      const outputs = createPublisher({ client: own, origin: { service: GROUP, host: 'h' }, now: () => Date.now() });
      const consumer = new StreamConsumer({ ...memberOptions(own, blocking, outputs, handlers), ...options });
      closing.push(async () => {
        await consumer.drain(0);
        await outputs.close();
        own.disconnect();
        blocking.disconnect();
      });
      await consumer.start();
      return consumer;
    },
    async report(subject, status = 'down') {
      const data = { service: subject, status, metric: 'm', threshold: 1, current_value: 2, timestamp: new Date().toISOString() };
      const [event] = await publisher.publish([{ type: 'alert.reported', subject, data }]);
      return event?.id ?? '';
    },
    async close() {
      await Promise.all(closing.splice(0).map((end) => end()));
      await publisher.close();
      client.disconnect();
    },
  };
}

/** What the groups of the tests' stream have lost. */
export async function losses(client: RedisClient): Promise<{ group: string; entries: number }[]> {
  const groups = await groupLags(client, STREAM);
  return groups.flatMap(({ group, unread }) => (unread === null ? [] : [{ group, entries: unread.entries }]));
}
