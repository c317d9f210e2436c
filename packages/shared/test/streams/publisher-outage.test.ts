import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually, type FaultProxy, faultProxy, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { alert, numbers, type Publishing, publishing, statuses } from './publishing.js';

let redis: OwnRedis;
let proxy: FaultProxy;
let direct: Redis;
let here: Publishing | undefined;

const through = () => redis.url.replace(`:${redis.port}`, `:${proxy.port}`);

beforeEach(async () => {
  // What it answered is with the kernel, which outlives it. Where Redis also waits for the disk, it may hold a write back for 2 s.
  redis = await ownRedis({ lines: ['appendfsync no'] });
  proxy = await faultProxy({ port: redis.port });
  direct = new Redis(redis.url, { retryStrategy: () => 50, maxRetriesPerRequest: null });
  direct.on('error', () => undefined);
});

afterEach(async () => {
  await here?.close();
  here = undefined;
  direct.disconnect();
  await proxy.close();
  await redis.close();
});

interface Outage {
  readonly name: string;
  begin(): unknown;
  end(): unknown;
}

const outages: readonly Outage[] = [
  { name: 'Redis is stopped', begin: () => redis.stop(), end: () => redis.start() },
  {
    name: 'Redis is full',
    begin: () => direct.config('SET', 'maxmemory', '1'),
    end: () => direct.config('SET', 'maxmemory', '0'),
  },
  {
    name: 'Redis is a replica, and read-only',
    begin: () => direct.replicaof('127.0.0.1', 1),
    end: () => direct.replicaof('NO', 'ONE'),
  },
  { name: 'Redis is frozen', begin: () => redis.pause(), end: () => redis.resume() },
  { name: 'the socket is half-open', begin: () => proxy.blackhole(), end: () => proxy.heal() },
  { name: 'the connection is reset again and again', begin: () => proxy.cutReplies(), end: () => proxy.heal() },
];

describe('an outage: what was accepted is on disk, and is on the bus in order and once when Redis is back', () => {
  test.each(outages)('$name', async ({ begin, end }) => {
    here = await publishing(through());
    const { publisher, say } = here;
    await say(...numbers(0, 5));
    expect(publisher.waiting).toEqual({ entries: 0, bytes: 0, oldestAt: undefined });
    await begin();
    // The first of them may be in Redis without an answer.
    await say(...numbers(5, 20));
    expect(publisher.waiting.entries).toBe(20);
    for (const status of numbers(25, 5)) await say(status);
    expect(publisher.waiting.entries).toBe(25);
    await end();
    const after = say(...numbers(30, 5));
    await eventually(() => expect(publisher.waiting.entries).toBe(0));
    await after;
    await say(...numbers(35, 5));
    expect(await statuses(direct)).toEqual(numbers(0, 40));
    // Said once, not at every try.
    expect(here.log.length).toBeLessThanOrEqual(1);
  });

  test('it begins before the first event, and ends after a restart of the publisher', async () => {
    await redis.stop();
    const first = await publishing(through());
    await first.say(...numbers(0, 3));
    await first.end();
    here = await publishing(through(), { folder: first.folder });
    expect(here.publisher.waiting.entries).toBe(3);
    await here.say('3');
    await redis.start();
    await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
    expect(await statuses(direct)).toEqual(numbers(0, 4));
  });

  test('a restart of the publisher in the middle of an unanswered write', async () => {
    const first = await publishing(through());
    await first.say('0');
    proxy.cutReplies();
    await first.say(...numbers(1, 5));
    await first.end();
    await proxy.heal();
    expect(await statuses(direct)).toEqual(numbers(0, 6));
    here = await publishing(through(), { folder: first.folder });
    await here.say('6');
    await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
    expect(await statuses(direct)).toEqual(numbers(0, 7));
  });

  test('several streams: each in its order', async () => {
    here = await publishing(through());
    await redis.stop();
    const sampled = (status: string) => ({ ...alert(status), subject: status });
    for (const n of numbers(0, 30)) await here.publisher.publish([sampled(n), notice(n)]);
    await redis.start();
    await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
    expect(await statuses(direct)).toEqual(numbers(0, 30));
    const incidents = await direct.xrange('ops:incidents', '-', '+');
    expect(incidents.map(([, fields]) => JSON.parse(fields[1] ?? '').subject)).toEqual(numbers(0, 30));
  });
});

const notice = (subject: string) =>
  ({
    type: 'notice.published',
    subject,
    data: { notice_id: 'n', audience: 'maurice', severity: 'info', text: 't', about: 'a', incident_id: null },
  }) as const;

test('whatever the network and the server do, and however often: in order, and once', async () => {
  here = await publishing(through());
  const { publisher, say } = here;
  const faults: readonly (() => unknown)[] = [
    () => void proxy.cutNextReply(),
    () => proxy.reset(),
    () => direct.config('SET', 'maxmemory', '1'),
    () => direct.config('SET', 'maxmemory', '0'),
    () => proxy.cutReplies(),
    () => proxy.heal(),
    () => redis.kill().then(() => redis.start()),
    () => direct.script('FLUSH'),
    () => proxy.latency(5),
  ];
  let next = 0;
  for (let round = 0; round < 120; round += 1) {
    // Each fault after each other one, at any stage of the recovery from it.
    const trouble = Promise.resolve(faults[(round * 5 + Math.floor(round / 9)) % faults.length]?.());
    await say(...numbers(next, 1 + (round % 20)));
    next += 1 + (round % 20);
    await trouble;
  }
  await direct.config('SET', 'maxmemory', '0');
  await proxy.heal();
  await eventually(() => expect(publisher.waiting.entries).toBe(0), { within: 30_000 });
  expect(await statuses(direct)).toEqual(numbers(0, next));
});

test('a nearly full spool: what comes behind an event that it has no room for is refused too, so that nothing overtakes', async () => {
  here = await publishing(through(), { maxBytes: 4000 });
  await proxy.refuse();
  proxy.reset();
  const { publisher } = here;
  const large = alert('two');
  const drafts = [
    alert('one'),
    { ...large, data: { ...large.data, details: 'x'.repeat(3500) } } as typeof large,
    alert('three'),
    alert('four'),
  ];
  const said = drafts.map((draft) => publisher.publish([draft]));
  const answers = await Promise.allSettled(said);
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected']);
  expect(answers[1]).toMatchObject({ reason: { code: 'BUS_UNAVAILABLE', cause: { code: 'SPOOL_FULL' } } });
  await proxy.heal();
  await eventually(() => expect(publisher.waiting.entries).toBe(0), { within: 20_000 });
  await publisher.publish([alert('five')]);
  expect(await statuses(direct)).toEqual(['one', 'five']);
});

test('the spool is full: a clear refusal, nothing lost, nothing reordered', async () => {
  here = await publishing(through(), { maxBytes: 4000 });
  const { publisher, say } = here;
  await redis.stop();
  const accepted: string[] = [];
  let refusal: unknown;
  for (const status of numbers(0, 50)) {
    await say(status).then(
      () => accepted.push(status),
      (error: unknown) => {
        refusal ??= error;
      },
    );
  }
  expect(accepted.length).toBeGreaterThan(3);
  expect(accepted.length).toBeLessThan(50);
  expect(refusal).toMatchObject({
    code: 'BUS_UNAVAILABLE',
    retryable: true,
    fields: { redis: expect.stringMatching(/ECONN|closed/), spool: expect.stringContaining('bus.spool.max_mb') },
    cause: { code: 'SPOOL_FULL' },
  });
  await redis.start();
  await eventually(() => expect(publisher.waiting.entries).toBe(0));
  expect(await statuses(direct)).toEqual(accepted);
});

test('kill -9 of the publisher: the next one writes what was accepted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ops-test-publishing-'));
  const door = JSON.stringify(fileURLToPath(new URL('../../dist/streams/index.js', import.meta.url)));
  const script = `import { createPublisher, openClient, openSpool } from ${door};
    const log = { warn() {}, error() {}, info() {} };
    const spool = await openSpool(${JSON.stringify(join(folder, 'spool'))}, { maxBytes: 1e9, log });
    const client = openClient(${JSON.stringify(through())}, 'child');
    const publisher = createPublisher({ client, origin: { service: 'test', host: 'h' }, now: () => Date.now(), spool, answerMs: 300 });
    const data = { service: 'crm', metric: 'm', threshold: 1, current_value: 2, timestamp: '2026-11-23T10:00:00Z' };
    for (let n = 0; ; n += 1) {
      await publisher.publish([{ type: 'alert.reported', subject: 'crm', data: { ...data, status: String(n) } }]);
      process.stdout.write(n + '\\n');
    }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    acknowledged.push(line);
    // Directly, then into the spool with answers lost, then killed while the spool is being written to the bus.
    if (acknowledged.length === 100) proxy.cutReplies();
    if (acknowledged.length === 1000) void proxy.heal();
    if (acknowledged.length === 1300) child.kill('SIGKILL');
  });
  await once(lines, 'close');
  here = await publishing(through(), { folder });
  await eventually(() => expect(here?.publisher.waiting.entries).toBe(0));
  const stored = await statuses(direct);
  expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
  expect(new Set(stored).size).toBe(stored.length);
});

test('a refusal that waiting does not mend is not spooled; in the spool it is kept until a person has mended it', async () => {
  here = await publishing(through());
  const { publisher, say, log } = here;
  await direct.set('ops:alerts', 'no stream');
  await expect(say('0')).rejects.toMatchObject({ code: 'BUS_REFUSED', retryable: true });
  expect(publisher.waiting.entries).toBe(0);
  await direct.del('ops:alerts');
  await redis.stop();
  await say('1', '2');
  await redis.start();
  await direct.set('ops:alerts', 'no stream');
  await eventually(() => expect(log.filter((line) => line.includes('until a person'))).toHaveLength(1));
  await say('3');
  expect(publisher.waiting.entries).toBe(3);
  await direct.del('ops:alerts');
  await eventually(() => expect(publisher.waiting.entries).toBe(0));
  expect(await statuses(direct)).toEqual(['1', '2', '3']);
});
