import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventDraft, OpsEvent } from '../../src/events/index.js';
import { keys } from '../../src/events/index.js';
import { createPublisher, openClient, type Publisher, type RedisClient, StreamTail } from '../../src/streams/index.js';
import { eventually, type ReplicaPair, replicaPair } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';
import { level } from './publishing.js';

// 9. Failover. Replication is asynchronous: what the replica had not yet is gone with the master. What is promised all the
// same: whoever wanted a confirmation was refused, what comes twice has one effect, and nobody waits behind the new end.

let pair: ReplicaPair;
let bus: TestBus;
let confirmed: Publisher;
let confirming: RedisClient;
let effects: Set<string>;
let runs: string[];

beforeEach(async () => {
  pair = await replicaPair();
  bus = await testBus(pair.front.url);
  confirming = openClient(pair.front.url, 'test-confirming');
  await confirming.connect();
  const origin = { service: 'guard', host: 'h' };
  confirmed = createPublisher({ client: confirming, origin, now: () => Date.now(), minReplicas: 1, replicaTimeoutMs: 300 });
  effects = new Set();
  runs = [];
});

afterEach(async () => {
  await pair.link.heal();
  await bus.close();
  await confirmed.close();
  confirming.disconnect();
  await pair.close();
});

// What a handler of ours does: the effect is kept under the event's key, so that a repeat changes nothing.
const handlers = {
  'alert.reported': (event: OpsEvent) => {
    runs.push(event.subject);
    effects.add(`${event.source}/${event.id}`);
    return [];
  },
};
const pending = async (stream = STREAM) => Number(((await bus.client.xpending(stream, GROUP)) as unknown[])[0]);
const report = async (from: number, to: number) => {
  for (let index = from; index < to; index++) await bus.report(`s${index}`);
};
const names = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => `s${from + index}`);
const failOver = async () => {
  await pair.failOver();
  await eventually(async () => expect(String(await bus.client.info('replication'))).toContain('role:master'));
};

test('what no replica confirmed was refused to its publisher; what asked for no confirmation is lost with the master', async () => {
  await confirmed.publish([level(1)]);
  await report(0, 3);
  await pair.caughtUp();
  pair.link.blackhole();
  const refused: EventDraft = level(2);
  await expect(confirmed.publish([refused])).rejects.toMatchObject({ code: 'BUS_NOT_REPLICATED', retryable: true });
  // Accepted, by a master that nobody follows: this is what a failover costs.
  await report(3, 6);
  expect(await bus.client.xlen(STREAM)).toBe(6);
  await failOver();
  expect(await bus.client.xlen(STREAM)).toBe(3);
  expect(await bus.client.xlen('ops:guard')).toBe(1);

  // The new master has no replica: it is asked for none. What was refused is published again, and is there once.
  const again = createPublisher({ client: confirming, origin: { service: 'guard', host: 'h' }, now: () => Date.now() });
  const [first] = await again.publish([refused]);
  await again.publish([refused]);
  await again.close();
  const levels: string[] = [];
  await bus.join(
    {
      'guard.level-changed': (event) => {
        levels.push(event.id);
        return [];
      },
    },
    { stream: 'ops:guard' },
  );
  await eventually(async () => {
    expect(levels).toHaveLength(2);
    expect(await pending('ops:guard')).toBe(0);
  });
  expect(levels[1]).toBe(first?.id);
});

test('a group goes on over the same address: what comes again has the same ids, and each effect is there once', async () => {
  await bus.join(handlers);
  await report(0, 10);
  await eventually(async () => expect([runs.length, await pending()]).toEqual([10, 0]));
  await pair.caughtUp();
  // From here on the replica knows neither what is published nor what is acknowledged.
  pair.link.blackhole();
  await report(10, 20);
  await eventually(async () => expect([runs.length, await pending()]).toEqual([20, 0]));
  await failOver();
  await eventually(() => report(20, 25), { within: 20_000 });
  await eventually(() => expect(new Set(runs)).toEqual(new Set(names(0, 25))), { within: 30_000 });
  await eventually(async () => expect(await pending()).toBe(0), { within: 20_000 });
  expect(effects.size).toBe(25);
});

test('acknowledged, and the replica had not heard of it: the next member handles it again, with the same ids, and no effect is there twice', async () => {
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const member = await bus.join({
    'alert.reported': async (event) => {
      await held;
      return handlers['alert.reported'](event);
    },
  });
  await report(0, 5);
  await eventually(async () => expect(await pending()).toBe(5));
  await pair.caughtUp();
  pair.link.blackhole();
  release();
  await eventually(async () => expect([runs.length, await pending()]).toEqual([5, 0]));
  await member.drain(5000);
  await failOver();
  // The new master has them pending, and the markers went with the old one: they are handled a second time.
  await bus.join(handlers);
  await bus.report('after');
  await eventually(async () => expect([runs.length, await pending()]).toEqual([11, 0]), { within: 20_000 });
  expect(runs).toEqual([...names(0, 5), ...names(0, 5), 'after']);
  expect(effects.size).toBe(6);
});

test('a tail and a group that were past the end of the new master go back to its end, and miss nothing that comes', async () => {
  await bus.join(handlers);
  await report(0, 3);
  await pair.caughtUp();
  pair.link.blackhole();
  const stop = new AbortController();
  const notices: string[] = [];
  const told: string[] = [];
  const client = openClient(pair.front.url, 'test-tail');
  await client.connect();
  const tail = new StreamTail({
    client,
    streams: [STREAM],
    from: '0',
    signal: stop.signal,
    onNotice: (line) => notices.push(line),
  });
  const following = (async () => {
    for await (const entries of tail.follow()) {
      for (const { fields } of entries) told.push((JSON.parse(fields[1] ?? '{}') as { subject: string }).subject);
    }
  })();
  // The ids of an old master whose clock was ahead: the new one's are smaller for a while.
  const [[, fields]] = (await bus.client.xrange(STREAM, '-', '+', 'COUNT', 1)) as [[string, string[]]];
  const ahead = `${Date.now() + 600_000}-0`;
  await bus.client.xadd(STREAM, ahead, ...fields);
  await eventually(async () => expect([told.length, await pending()]).toEqual([4, 0]));
  await eventually(async () => expect(await bus.client.hget(keys.position(STREAM), GROUP)).toBe(ahead));
  await failOver();
  await eventually(() => expect(notices.join()).toContain('another server'), { within: 20_000 });
  await report(3, 6);
  await eventually(() => expect(told.slice(4)).toEqual(names(3, 6)), { within: 20_000 });
  await eventually(() => expect(new Set(runs)).toEqual(new Set(names(0, 6))), { within: 20_000 });
  const [group] = (await bus.client.xinfo('GROUPS', STREAM)) as unknown[][];
  const delivered = String(group?.[group.indexOf('last-delivered-id') + 1]);
  const [last] = await bus.client.xrevrange(STREAM, '+', '-', 'COUNT', 1);
  expect(delivered).toBe(last?.[0]);
  stop.abort();
  client.disconnect();
  await following;
});
