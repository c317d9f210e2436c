import { afterEach, beforeEach, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { dropDeadLetter, listDeadLetters, PermanentError, replayInto, retryDeadLetter } from '../../src/streams/index.js';
import { eventually, type FaultProxy, faultProxy, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

let redis: OwnRedis;
let proxy: FaultProxy;
let bus: TestBus;
let seen: string[];
let heals: boolean;

const handlers = {
  'alert.reported': ({ subject }: { subject: string }) => {
    seen.push(subject);
    if (subject === 'bad' && !heals) throw new PermanentError('BAD', 'of no use');
    return [];
  },
};
const letters = () => listDeadLetters(bus.client, STREAM);
const pending = async () => Number((await bus.client.xpending(STREAM, GROUP))[0]);

beforeEach(async () => {
  redis = await ownRedis();
  proxy = await faultProxy({ port: redis.port });
  bus = await testBus(redis.url);
  seen = [];
  heals = false;
});

afterEach(async () => {
  await bus.close();
  await proxy.close();
  await redis.close();
});

test('the answer to a burial is lost: the entry is buried once', async () => {
  const url = new URL(redis.url);
  url.port = String(proxy.port);
  await bus.join(handlers, {}, url.href);
  proxy.latency(60);
  for (let round = 1; round <= 5; round += 1) {
    await bus.report('bad');
    // Redis has done it, and its answer is still on the way.
    await eventually(async () => expect((await letters()).length).toBeGreaterThanOrEqual(round), { within: 20_000, every: 5 });
    proxy.reset();
    // What the client sends again after the reset goes before the acknowledgement of the next.
    await bus.report(`good ${round}`);
    await eventually(
      async () => {
        expect(seen).toContain(`good ${round}`);
        expect(await pending()).toBe(0);
      },
      { within: 20_000 },
    );
    expect(await letters()).toHaveLength(round);
  }
  const ids = (await letters()).map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
}, 120_000);

test.each([
  ['few fields', 2],
  ['more fields than a script takes', 6000],
])('Redis cannot write the dead letter (%s): the entry stays pending until it can', async (_what, count) => {
  await bus.client.set(keys.deadLetters(STREAM), 'somebody wrote a text here');
  await bus.join(handlers);
  await bus.client.call('XADD', [STREAM, '*', ...Array.from({ length: count }, (_, index) => `f${index}`)]);
  let looks = 0;
  await eventually(
    async () => {
      expect(await pending()).toBe(1);
      looks += 1;
      expect(looks).toBeGreaterThan(25);
    },
    { every: 20 },
  );
  await bus.client.del(keys.deadLetters(STREAM));
  await eventually(async () => expect(await letters()).toHaveLength(1), { within: 10_000 });
  expect(await pending()).toBe(0);
});

test('a replay passes by the dead letters on its way: none is handled again or buried again, and a retry is still handled', async () => {
  await bus.join(handlers);
  await bus.report('wanted');
  await bus.report('bad');
  await bus.client.xadd(STREAM, '*', 'event', 'no json');
  await bus.report('other');
  await eventually(async () => expect(await letters()).toHaveLength(2));
  await eventually(async () => expect(await pending()).toBe(0));
  expect(seen).toEqual(['wanted', 'bad', 'other']);
  const wanted = (one: { ok: boolean; event?: { subject: string } }) => one.event?.subject === 'wanted';
  expect(await replayInto(bus.client, STREAM, GROUP, { from: '-', to: '+', wanted })).toMatchObject({ again: 1 });
  await bus.report('last');
  await eventually(() => expect(seen).toEqual(['wanted', 'bad', 'other', 'wanted', 'last']));
  await eventually(async () => expect(await pending()).toBe(0));
  expect(await letters()).toHaveLength(2);
  heals = true;
  const bad = (await letters()).find(({ code }) => code === 'failed');
  await retryDeadLetter(bus.client, STREAM, bad?.deadId ?? '');
  await eventually(() => expect(seen).toEqual(['wanted', 'bad', 'other', 'wanted', 'last', 'bad']));
  expect(await letters()).toHaveLength(1);
});

test('a dead letter that is asked for is handled again', async () => {
  await bus.join(handlers);
  await bus.report('bad');
  await eventually(async () => expect(await letters()).toHaveLength(1));
  heals = true;
  const wanted = (one: { ok: boolean; event?: { subject: string } }) => one.event?.subject === 'bad';
  await replayInto(bus.client, STREAM, GROUP, { from: '-', to: '+', wanted });
  await eventually(() => expect(seen).toEqual(['bad', 'bad']));
});

test('a dead letter that was dropped stays gone: a replay does not bring its event back', async () => {
  await bus.join(handlers);
  await bus.report('wanted');
  await bus.report('bad');
  await eventually(async () => expect(await letters()).toHaveLength(1));
  expect(await dropDeadLetter(bus.client, STREAM, (await letters())[0]?.deadId ?? '')).toBe(true);
  const wanted = (one: { ok: boolean; event?: { subject: string } }) => one.event?.subject === 'wanted';
  await replayInto(bus.client, STREAM, GROUP, { from: '-', to: '+', wanted });
  await bus.report('last');
  await eventually(() => expect(seen).toEqual(['wanted', 'bad', 'wanted', 'last']));
  expect(await letters()).toHaveLength(0);
});

test('a retry of an event that was handled since is absorbed', async () => {
  await bus.join(handlers);
  await bus.report('bad');
  await eventually(async () => expect(await letters()).toHaveLength(1));
  heals = true;
  await replayInto(bus.client, STREAM, GROUP, { from: '-', to: '+', wanted: () => true });
  await eventually(() => expect(seen).toEqual(['bad', 'bad']));
  await eventually(async () => expect(await pending()).toBe(0));
  await retryDeadLetter(bus.client, STREAM, (await letters())[0]?.deadId ?? '');
  await bus.report('last');
  await eventually(() => expect(seen).toEqual(['bad', 'bad', 'last']));
  expect(await letters()).toHaveLength(0);
});
