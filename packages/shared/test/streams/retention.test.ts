import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { groupLags, openClient, type RedisClient, trimStream } from '../../src/streams/index.js';
import { eventually, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { losses, STREAM, type TestBus, testBus } from './bus.js';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;
const policy = { keepMs: 7 * DAY, unreadMaxAgeMs: 30 * DAY, unreadMaxEntries: 1_000_000 };

let redis: OwnRedis;
let client: RedisClient;

beforeEach(async () => {
  redis = await ownRedis();
  client = openClient(redis.url, 'test-retention');
  await client.connect();
});

afterEach(async () => {
  client.disconnect();
  await redis.close();
});

/** So many entries of an age, each a ms after the one before. */
async function write(count: number, ageMs: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, index) => `${NOW - ageMs + index}-0`);
  for (let at = 0; at < ids.length; at += 1000) {
    const pipeline = client.pipeline();
    for (const id of ids.slice(at, at + 1000)) pipeline.xadd(STREAM, id, 'event', 'x');
    await pipeline.exec();
  }
  return ids;
}

async function read(group: string, count: number): Promise<string[]> {
  const reply = (await client.xreadgroup('GROUP', group, 'reader', 'COUNT', count, 'STREAMS', STREAM, '>')) as
    | [string, [string, string[]][]][]
    | null;
  return (reply?.[0]?.[1] ?? []).map(([id]) => id);
}

const lost = async () => Object.fromEntries((await losses(client)).map(({ group, entries }) => [group, entries]));
const trim = (changes: Partial<typeof policy> = {}) => trimStream(client, STREAM, { ...policy, ...changes }, NOW);
const group = (name: string) => client.xgroup('CREATE', STREAM, name, '0', 'MKSTREAM');

describe('below the ceiling', () => {
  test('what every group has handled goes by its age; what is young stays', async () => {
    await group('a');
    await write(500, 8 * DAY);
    const young = await write(10, DAY);
    await client.xack(STREAM, 'a', ...(await read('a', 1000)));
    await trim();
    // Redis trims by whole nodes of 100 entries.
    expect(await client.xlen(STREAM)).toBeLessThan(150);
    expect(await client.xrange(STREAM, young[0] ?? '', '+')).toHaveLength(10);
    expect(await lost()).toEqual({});
  });

  test.each([
    ['that a group has not read', 0, 0],
    ['that a group has read and not acknowledged', 300, 0],
    ['behind the oldest that is not acknowledged', 300, 299],
  ])('nothing goes %s', async (_what, delivered, acknowledged) => {
    await group('a');
    await group('handled');
    await write(400, 8 * DAY);
    await client.xack(STREAM, 'handled', ...(await read('handled', 1000)));
    const ids = delivered > 0 ? await read('a', delivered) : [];
    if (acknowledged > 0) await client.xack(STREAM, 'a', ...ids.slice(-acknowledged));
    expect(await trim()).toEqual({ entries: 0, unread: [] });
    expect(await client.xlen(STREAM)).toBe(400);
  });

  test('a group that has gone back (a replay) keeps what it is to read again', async () => {
    await group('a');
    await write(400, 8 * DAY);
    await client.xack(STREAM, 'a', ...(await read('a', 1000)));
    await client.xgroup('SETID', STREAM, 'a', '0');
    expect(await trim()).toEqual({ entries: 0, unread: [] });
  });

  test('a stream that is not there is no error', async () => {
    expect(await trim()).toEqual({ entries: 0, unread: [] });
  });
});

describe('past the ceiling', () => {
  test('by age: a dead group loses what is too old, unread or pending, and each group is counted exactly', async () => {
    await group('dead');
    await group('slow');
    await group('well');
    const old = await write(2500, 31 * DAY);
    const recent = await write(50, 8 * DAY);
    const pending = await read('dead', 70);
    await client.xack(STREAM, 'dead', ...pending.slice(0, 20));
    await read('slow', 2510);
    await client.xack(STREAM, 'slow', ...old.slice(0, 2490));
    await client.xack(STREAM, 'well', ...(await read('well', 3000)));
    const { unread, entries } = await trim();
    expect(entries).toBe(2500);
    expect(Object.fromEntries(unread.map((one) => [one.group, one.entries]))).toEqual({ dead: 2480, slow: 10 });
    expect(await lost()).toEqual({ dead: 2480, slow: 10 });
    expect(await client.xlen(STREAM)).toBe(50);
    // What is left is still theirs.
    expect(await groupLags(client, STREAM)).toMatchObject([
      { group: 'dead', lag: 50, pending: 0 },
      { group: 'slow', lag: 40, pending: 10, oldestPending: recent[0] },
      { group: 'well', lag: 0, pending: 0 },
    ]);
    await trim();
    expect(await lost()).toEqual({ dead: 2480, slow: 10 });
  });

  test('by number: also where Redis does not know the lag, and more than 20,000 have to be counted', async () => {
    await group('dead');
    const ids = await write(25_000, DAY);
    // Redis says NULL from here on.
    await read('dead', 10);
    await client.xdel(STREAM, ids[12_000] ?? '');
    expect(await groupLags(client, STREAM)).toMatchObject([{ lag: 20_000, exact: false, pending: 10 }]);
    const { unread } = await trim({ unreadMaxEntries: 22_000 });
    expect(await client.xlen(STREAM)).toBe(22_000);
    // 24,999 were there, 10 of them pending.
    expect(unread).toEqual([{ group: 'dead', entries: 2999 }]);
    expect(await lost()).toEqual({ dead: 2999 });
    expect(await trim({ unreadMaxEntries: 22_000 })).toEqual({ entries: 0, unread: [] });
  });

  test('what a neighbour handles meanwhile is not counted as lost: for each group handled and lost are all there was', async () => {
    await group('dead');
    await group('busy');
    await write(20_000, 31 * DAY);
    const reader = openClient(redis.url, 'test-busy');
    await reader.connect();
    let handled = 0;
    let ends = false;
    const reading = (async () => {
      while (!ends) {
        const reply = (await reader.xreadgroup('GROUP', 'busy', 'r', 'COUNT', 50, 'STREAMS', STREAM, '>')) as
          | [string, [string, string[]][]][]
          | null;
        const found = (reply?.[0]?.[1] ?? []).map(([id]) => id);
        if (found.length === 0) continue;
        // What was trimmed under it is off its list: it was counted, and is not handled twice in the sum.
        handled += await reader.xack(STREAM, 'busy', ...found);
      }
    })();
    await eventually(async () => expect(handled).toBeGreaterThan(500));
    await trim();
    ends = true;
    await reading;
    reader.disconnect();
    const counted = await lost();
    expect(counted.dead).toBe(20_000);
    expect((counted.busy ?? 0) + handled).toBe(20_000);
    expect(handled).toBeGreaterThan(500);
  });

  test('an id beyond 2^53 is compared as what it is', async () => {
    await group('dead');
    for (const id of ['18446744073709551614-1', '18446744073709551614-2', '18446744073709551615-1'])
      await client.xadd(STREAM, id, 'e', 'x');
    await read('dead', 1);
    await trim({ unreadMaxEntries: 1 });
    expect(await client.xrange(STREAM, '-', '+')).toMatchObject([['18446744073709551615-1', ['e', 'x']]]);
    expect(await lost()).toEqual({ dead: 2 });
  });
});

test('a full Redis trims past the ceiling: it is what makes room', async () => {
  await group('dead');
  await write(500, 31 * DAY);
  await client.config('SET', 'maxmemory', '1mb');
  await expect(client.xadd(STREAM, '*', 'event', 'x')).rejects.toThrow('OOM');
  expect((await trim()).unread).toEqual([{ group: 'dead', entries: 500 }]);
  expect(await client.xlen(STREAM)).toBe(0);
  expect(await lost()).toEqual({ dead: 500 });
});

test('a pending entry whose body is gone holds nothing', async () => {
  await group('a');
  const ids = await write(400, 8 * DAY);
  const read400 = await read('a', 400);
  await client.xack(STREAM, 'a', ...read400.slice(1));
  await client.xdel(STREAM, ids[0] ?? '');
  await trim();
  expect(await client.xlen(STREAM)).toBeLessThan(150);
  expect(await lost()).toEqual({});
});

describe('a reader counts losses too', () => {
  let bus: TestBus;

  beforeEach(async () => {
    bus = await testBus(redis.url);
  });

  afterEach(async () => bus.close());

  /** A reader with room for one, which holds its first event until it is let go. */
  const holding = async () => {
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    const seen: string[] = [];
    const member = await bus.join(
      {
        'alert.reported': async ({ subject }) => {
          seen.push(subject);
          if (subject === 'first') await held;
          return [];
        },
      },
      { concurrency: 1 },
    );
    await bus.report('first');
    await eventually(() => expect(seen).toEqual(['first']));
    return { seen, letGo, member };
  };

  test.each([
    ['the retention alone', false, 20],
    ['somebody else alone', true, 0],
    ['somebody else, then the retention', true, 10],
  ])(
    'under a reader that is busy, %s takes what it has not read: each is counted once, also over a restart',
    async (_who, foreign, byRetention) => {
      const { seen, letGo, member } = await holding();
      for (let index = 0; index < 30; index += 1) await bus.report(`s${index}`);
      const rest = (await client.xrange(STREAM, '-', '+')).slice(1).map(([id]) => id);
      if (foreign) await client.xtrim(STREAM, 'MINID', rest[20 - byRetention] ?? '');
      if (byRetention > 0) await trimStream(client, STREAM, { ...policy, unreadMaxEntries: 10 }, Date.now());
      // The one in hand goes as well; only the retention knows that it was pending, and counts it.
      const all = { tested: foreign ? 20 : 21 };
      letGo();
      await eventually(() => expect(seen).toHaveLength(11));
      await bus.report('later');
      await eventually(async () => expect(seen.at(-1)).toBe('later'));
      await eventually(async () => expect(await lost()).toEqual(all), { within: 12_000 });
      await member.drain(1000);
      const again = await bus.join({
        'alert.reported': ({ subject }) => {
          seen.push(subject);
          return [];
        },
      });
      await bus.report('after');
      await eventually(() => expect(seen.at(-1)).toBe('after'));
      // It has looked when it had nothing to do, and has said so.
      await eventually(async () => expect(await client.hget(`ops:unread:{${STREAM}}`, 'tested:seen')).toMatch(/^33\//), {
        within: 12_000,
      });
      await again.drain(1000);
      expect(await lost()).toEqual(all);
    },
    60_000,
  );

  test('one that comes back does not count again what the retention has counted, and counts what others trim', async () => {
    const seen: string[] = [];
    const handlers = {
      'alert.reported': ({ subject }: { subject: string }) => {
        seen.push(subject);
        return [];
      },
    };
    const first = await bus.join(handlers);
    await bus.report('before');
    await eventually(async () => expect(seen).toEqual(['before']));
    await first.drain(1000);
    for (let index = 0; index < 30; index += 1) await bus.report(`gone-${index}`);
    await bus.report('left');
    await trimStream(client, STREAM, { ...policy, unreadMaxEntries: 1 }, Date.now());
    expect(await lost()).toEqual({ tested: 30 });
    await bus.join(handlers);
    await eventually(async () => expect(seen).toEqual(['before', 'left']));
    await bus.report('after');
    await eventually(async () => expect(seen).toEqual(['before', 'left', 'after']));
    // It looks when it has nothing to do; a foreign trim is seen then, so the look before it has been.
    await bus.client.multi().xadd(STREAM, '*', 'event', 'never read').xtrim(STREAM, 'MAXLEN', 0).exec();
    await eventually(async () => expect(await lost()).toEqual({ tested: 31 }), { within: 12_000 });
  }, 30_000);
});
