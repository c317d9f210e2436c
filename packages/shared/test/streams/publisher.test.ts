import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventDraft } from '../../src/events/index.js';
import {
  eventually,
  type FaultProxy,
  type FreshRedis,
  faultProxy,
  type LeakCheck,
  leakCheck,
  testRedis,
} from '../../src/testing/index.js';
import { alert, numbers, type Publishing, publishing, statuses } from './publishing.js';

let redis: FreshRedis;
let proxy: FaultProxy;
let direct: Redis;
let leaks: LeakCheck;
let here: Publishing | undefined;

const through = () => redis.url.replace(`:${redis.port}`, `:${proxy.port}`);

beforeEach(async () => {
  redis = await (await testRedis()).fresh();
  proxy = await faultProxy({ port: redis.port });
  direct = new Redis(redis.url);
  await direct.ping();
  leaks = await leakCheck({ redisUrl: redis.url });
});

afterEach(async () => {
  await here?.close();
  here = undefined;
  expect(await leaks.leaks()).toEqual([]);
  await leaks.close();
  direct.disconnect();
  await proxy.close();
});

describe.each([
  ['with a spool', true],
  ['without a spool', false],
])('reply lost: stored once, promise settled (%s)', (_name, spooled) => {
  test('the first write to a stream, and one in the middle', async () => {
    here = await publishing(through(), { spooled });
    for (let round = 0; round < 3; round += 1) {
      // The publisher's own connection asks for nothing now but the write.
      const status = String(round);
      if (round > 0) {
        const cut = proxy.cutNextReply();
        await here.say(status);
        await cut;
      } else await here.say(status);
      await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
    }
    expect(await statuses(direct)).toEqual(['0', '1', '2']);
  });

  test('a batch of many', async () => {
    here = await publishing(through(), { spooled });
    await here.say('0');
    const cut = proxy.cutNextReply();
    await here.say(...numbers(1, 1500));
    await cut;
    await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
    expect(await statuses(direct)).toEqual(numbers(0, 1501));
  });
});

describe('without a spool', () => {
  test('a Redis that hangs: refused within the deadline, and the next connection works', async () => {
    here = await publishing(through(), { spooled: false });
    await here.say('0');
    proxy.blackhole();
    const began = performance.now();
    await expect(here.say('1')).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE', retryable: true });
    expect(performance.now() - began).toBeLessThan(10_000);
    await proxy.heal();
    await here.say('2');
    // What was refused is there or not; what the network held up does not come behind what was said later.
    expect((await statuses(direct)).at(-1)).toBe('2');
  });

  test('a full Redis: refused at once, nothing of it stored, and order is kept', async () => {
    here = await publishing(redis.url, { spooled: false });
    await here.say('0');
    await direct.config('SET', 'maxmemory', '1');
    await expect(here.say(...numbers(1, 5))).rejects.toMatchObject({
      code: 'BUS_UNAVAILABLE',
      cause: { message: expect.stringMatching(/^OOM/) },
    });
    await direct.config('SET', 'maxmemory', '0');
    await here.say('6');
    expect(await statuses(direct)).toEqual(['0', '6']);
  });
});

test('calls of one turn are stored in their order, across batches, also of several streams', async () => {
  here = await publishing(redis.url);
  const { publisher } = here;
  const all = numbers(0, 3000);
  await Promise.all(all.map((status) => publisher.publish([alert(status), notice(status)])));
  expect(await statuses(direct)).toEqual(all);
  const notices = await direct.xrange('ops:incidents', '-', '+');
  expect(notices.map(([, fields]) => JSON.parse(fields[1] ?? '').subject)).toEqual(all);
});

test('an event that its schema refuses is refused before anything is stored', async () => {
  here = await publishing(redis.url);
  const bad = { ...alert('1'), data: { service: 5 } } as unknown as EventDraft;
  await expect(here.publisher.publish([alert('0'), bad])).rejects.toMatchObject({ code: 'OWN_EVENT_INVALID', retryable: false });
  expect(await statuses(direct)).toEqual([]);
});

test('closed, it has settled everything, refuses more, and leaves no connection', async () => {
  here = await publishing(redis.url);
  const said = here.say(...numbers(0, 100));
  await here.publisher.close();
  await said;
  await expect(here.say('x')).rejects.toMatchObject({ code: 'PUBLISHER_CLOSED', retryable: true });
  expect(await statuses(direct)).toEqual(numbers(0, 100));
});

const notice = (subject: string) =>
  ({
    type: 'notice.published',
    subject,
    data: { notice_id: 'n', audience: 'maurice', severity: 'info', text: 't', about: 'a', incident_id: null },
  }) as const;
