import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBlockingClient } from '../../src/streams/index.js';
import { ReadingLease } from '../../src/streams/lease.js';
import { ReadingPosition } from '../../src/streams/reading-position.js';
import { ReadingTerm } from '../../src/streams/reading-term.js';
import { noteUnread } from '../../src/streams/unread.js';
import { eventually, testRedis } from '../../src/testing/index.js';
import { GROUP, losses, memberOptions, STREAM, type TestBus, testBus } from './bus.js';

// What a group was given is counted by its reader and by Redis. Where they differ, nothing is lost for that.

let bus: TestBus;
let url: string;
let seen: string[];
const handlers = {
  'alert.reported': ({ subject }: { subject: string }) => {
    seen.push(subject);
    return [];
  },
};

beforeEach(async () => {
  url = (await (await testRedis()).fresh()).url;
  bus = await testBus(url);
  seen = [];
});

afterEach(async () => bus.close());

const noted = async () => (await bus.client.hget(`ops:unread:{${STREAM}}`, `${GROUP}:seen`)) ?? '';
const looks = async () =>
  Number(/cmdstat_xinfo\|stream:calls=(\d+)/.exec(String(await bus.client.info('commandstats')))?.[1] ?? 0);
// A reader that begins looks as well: the second one is of its reading.
const untilLooked = async (times = 1) => {
  const before = await looks();
  await eventually(async () => expect(await looks()).toBeGreaterThanOrEqual(before + times), { within: 20_000 });
};

test('a reader that others have followed looks once more: it does not say that it had been where they are', () => {
  const facts = { added: 248, length: 248, first: '1-0', last: '248-0' };
  const old = new ReadingPosition('10-0', 10);
  expect(old.look(facts, '248-0')).toBe(0);
  // Redis has counted 248 for the group: with any other index the next reader misses the difference.
  const next = ReadingPosition.after('248-0', 248, 248, { index: old.counted.index ?? -1, entriesRead: 248, cut: 0 }, 0);
  expect(next.look(facts, '248-0')).toBe(0);
});

test('what others read is not missed by the next reader, and what is trimmed after them is', async () => {
  const first = await bus.join(handlers);
  await bus.report('first');
  await eventually(async () => expect(await noted()).toMatch(/^1\/1\//), { within: 20_000 });
  // In one step: the one who stands waiting is given nothing of it, as one that is frozen or cut off.
  const others = bus.client.multi();
  const [, text = ''] = (await bus.client.xrange(STREAM, '-', '+'))[0]?.[1] ?? [];
  for (let index = 0; index < 20; index += 1) others.xadd(STREAM, '*', 'event', text);
  others.xreadgroup('GROUP', GROUP, 'other', 'COUNT', 20, 'NOACK', 'STREAMS', STREAM, '>');
  await others.exec();
  await untilLooked();
  await first.drain(1000);
  await bus.join(handlers);
  await untilLooked(2);
  expect(await losses(bus.client)).toEqual([]);
  await bus.client.multi().xadd(STREAM, '*', 'event', 'never read').xtrim(STREAM, 'MAXLEN', 0).exec();
  await eventually(async () => expect(await losses(bus.client)).toMatchObject([{ entries: 1 }]), { within: 20_000 });
}, 60_000);

test.each([
  ['nothing was lost', 0],
  ['five were trimmed unread', 5],
])(
  'a server that was started again has an old count of what was read, and %s',
  async (_what, lost) => {
    const first = await bus.join(handlers);
    await bus.report('first');
    await eventually(async () => expect(await noted()).toMatch(/^1\/1\//), { within: 20_000 });
    const saved = await noted();
    for (let index = 0; index < 20; index += 1) await bus.report(`s${index}`);
    await eventually(() => expect(seen).toHaveLength(21));
    await first.drain(1000);
    // As after a kill -9: Redis 7.0.15 writes the id to its file, and not the count.
    const last = (await bus.client.xrevrange(STREAM, '+', '-', 'COUNT', 1))[0]?.[0] ?? '';
    await bus.client.call('XGROUP', 'SETID', STREAM, GROUP, last, 'ENTRIESREAD', 1);
    await bus.client.hset(`ops:unread:{${STREAM}}`, `${GROUP}:seen`, saved);
    for (let index = 0; index < lost; index += 1) await bus.client.xadd(STREAM, '*', 'event', 'never read');
    if (lost > 0) await bus.client.xtrim(STREAM, 'MAXLEN', 0);
    await bus.join(handlers);
    await bus.report('after');
    await eventually(() => expect(seen.at(-1)).toBe('after'));
    await untilLooked();
    const told = (await losses(bus.client)).reduce((sum, { entries }) => sum + entries, 0);
    // What was trimmed with them may have been read or not: Redis no longer knows.
    if (lost === 0) expect(told).toBe(0);
    else expect(told).toBeGreaterThanOrEqual(lost);
  },
  60_000,
);

test('a loss that is told again, for want of an answer, is counted once', async () => {
  await bus.join(handlers);
  for (const entries of [7, 7]) await noteUnread(bus.client, STREAM, GROUP, { id: 'one', entries }, 1);
  await noteUnread(bus.client, STREAM, GROUP, { id: 'another', entries: 2 }, 2);
  expect(await losses(bus.client)).toEqual([{ group: GROUP, entries: 9 }]);
});

test.each([
  ['whose lease is its own tells what went unread', 0, [1]],
  ['that wakes up after its lease leaves that to whoever reads now', 60_000, []],
])('a reader %s', async (_what, sleptMs, told) => {
  const first = await bus.join(handlers);
  await bus.report('first');
  await eventually(async () => expect(await noted()).toMatch(/^1\/1\//), { within: 20_000 });
  await first.drain(1000);
  await bus.client.multi().xadd(STREAM, '*', 'event', 'never read').xtrim(STREAM, 'MAXLEN', 0).exec();

  const blocking = openBlockingClient(url, 'test-blocking');
  const options = memberOptions(bus.client, blocking, bus.publisher, handlers);
  let monotonic = 0;
  const lease = new ReadingLease({ ...options, monotonic: () => monotonic });
  expect(await lease.renew()).toBe('new');
  monotonic = sleptMs;
  const lost: number[] = [];
  let reads = 0;
  const term = new ReadingTerm({
    ...options,
    lease,
    onOutcome: () => undefined,
    onRead: () => {
      reads += 1;
    },
    connection: () => 0,
    onLost: (entries) => lost.push(entries),
  });
  const running = term.run().catch(() => undefined);
  // It looks before it reads.
  await eventually(() => expect(reads).toBe(1), { within: 10_000 });
  expect(lost).toEqual(told);
  term.end();
  blocking.disconnect();
  await running;
  await term.finish(0);
});
