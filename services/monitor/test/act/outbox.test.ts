import type { EventDraft } from '@ops/shared/events';
import { createLogger, systemClock } from '@ops/shared/runtime';
import { createPublisher, openClient, type Publisher, type RedisClient } from '@ops/shared/streams';
import { alert, eventually, level, type OwnRedis, ownRedis } from '@ops/shared/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Outbox } from '../../src/act/outbox.js';

let redis: OwnRedis;
let client: RedisClient;
let publisher: Publisher;
let outbox: Outbox;
let said: string[];

// Nobody confirms: there is no replica.
beforeEach(async () => {
  redis = await ownRedis({ durable: false });
  client = openClient(redis.url, 'test-outbox');
  await client.connect();
  const origin = { service: 'monitor', host: 'h' };
  publisher = createPublisher({ client, origin, now: () => Date.now(), minReplicas: 1, replicaTimeoutMs: 20 });
  outbox = new Outbox(publisher, createLogger('silent'), systemClock);
  said = [];
});

afterEach(async () => {
  await publisher.close();
  client.disconnect();
  await redis.close();
});

const add = (draft: EventDraft, name: string) => outbox.add(draft, () => said.push(name));
const statuses = async () =>
  (await client.xrange('ops:alerts', '-', '+')).map(([, fields]) => JSON.parse(fields[1] ?? '{}').data.status as string);

test('what no replica confirms stays, and neither repeats the others nor holds them up', async () => {
  add(alert('one'), 'one');
  add(level(1), 'level');
  for (let index = 0; index < 150; index += 1) add(alert(`more ${index}`), `more ${index}`);
  for (let tries = 0; tries < 3; tries += 1) await expect(outbox.drain()).rejects.toMatchObject({ code: 'BUS_NOT_REPLICATED' });
  const expected = ['one', ...Array.from({ length: 150 }, (_, index) => `more ${index}`)];
  expect(await statuses()).toEqual(expected);
  expect(said).toEqual(expected);
  expect(outbox.waiting).toBe(1);
  expect(await client.xlen('ops:guard')).toBe(1);
});

test('an event that its schema refuses goes, and the others are said in their order', async () => {
  add(alert('one'), 'one');
  add({ ...alert('wrong'), data: { service: 7 } } as unknown as EventDraft, 'wrong');
  add(alert('two'), 'two');
  await outbox.drain();
  expect(await statuses()).toEqual(['one', 'two']);
  expect(said).toEqual(['one', 'two']);
  expect(outbox.waiting).toBe(0);
});

test('while Redis is away everything stays, in its order', async () => {
  await redis.stop();
  for (const name of ['one', 'two', 'three']) add(alert(name), name);
  await expect(outbox.drain()).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
  expect(outbox.waiting).toBe(3);
  await redis.start();
  await expect
    .poll(
      () =>
        outbox.drain().then(
          () => outbox.waiting,
          () => 3,
        ),
      { timeout: 20_000 },
    )
    .toBe(0);
  expect(await statuses()).toEqual(['one', 'two', 'three']);
  expect(said).toEqual(['one', 'two', 'three']);
}, 60_000);

test('who waits for something to say is woken by it at once, and by the end', async () => {
  const ending = new AbortController();
  const waiting = outbox.flush(ending.signal);
  add(alert('one'), 'one');
  await waiting;
  const second = outbox.flush(ending.signal);
  await eventually(() => expect(said).toEqual(['one']));
  ending.abort();
  await second;
});
