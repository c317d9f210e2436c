import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { listDeadLetters } from '../../src/streams/index.js';
import { eventually, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

// Anything that anybody can write into a stream: handled, passed over or a dead letter, and the reader lives.

let bus: TestBus;
let handled: string[];
const rejections: unknown[] = [];
const note = (reason: unknown) => void rejections.push(reason);

beforeEach(async () => {
  const { url } = await (await testRedis()).fresh();
  bus = await testBus(url);
  handled = [];
  rejections.length = 0;
  process.on('unhandledRejection', note);
});

afterEach(async () => {
  await bus.close();
  process.off('unhandledRejection', note);
});

const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));
const text = fc.string({ unit: 'binary', maxLength: 40 }).map((one) => Buffer.from(one));
const names = [
  'event',
  'type',
  'data',
  'id',
  'source',
  'subject',
  'time',
  'dataschema',
  'specversion',
  '__proto__',
  'ops-dead-id',
];
const name = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...names).map((one) => Buffer.from(one)) }, text, bytes);
const data = { service: 's', status: 'down', metric: 'm', threshold: 1, current_value: 2, timestamp: '2026-11-23T10:00:00Z' };
const envelope = fc
  .record(
    {
      specversion: fc.constantFrom('1.0', '2.0'),
      id: fc.oneof(fc.uuid(), fc.string()),
      source: fc.constantFrom('/fuzz', '', 7),
      type: fc.constantFrom('alert.reported', 'alert.unsilenced', 'guard.reported', 'nothing.known', '__proto__'),
      subject: fc.oneof(fc.constantFrom('a', 'b'), fc.string({ unit: 'binary' })),
      time: fc.constantFrom('2026-11-23T10:00:00Z', 'yesterday'),
      dataschema: fc.constantFrom('urn:ops:alert.reported:v1', 'urn:ops:alert.reported:v99'),
      data: fc.oneof({ weight: 3, arbitrary: fc.constant(data) }, fc.jsonValue({ maxDepth: 30 })),
      extension: fc.jsonValue({ maxDepth: 30 }),
    },
    { requiredKeys: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'data'] },
  )
  .map((one) => Buffer.from(JSON.stringify(one)));
const good = fc.uuid().map((id) =>
  Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id,
      source: '/good',
      type: 'alert.reported',
      subject: 'good',
      time: data.timestamp,
      data,
    }),
  ),
);
const value = fc.oneof(
  text,
  bytes,
  envelope,
  fc.json().map((one) => Buffer.from(one)),
);
const entry = fc.oneof(
  fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 6 }).map((pairs) => pairs.flat()),
  fc.oneof(envelope, good).map((one) => [Buffer.from('event'), one]),
);

test('random entries: no rejection that nobody hears, nothing pending, and each is handled, passed over or a dead letter', async () => {
  const outcomes: string[] = [];
  // Some handlers fail: those events are dead letters as well.
  await bus.join(
    {
      'alert.reported': ({ subject, source, id }) => {
        handled.push(`${source}/${id}`);
        if (subject.length % 3 === 0) throw new Error(subject);
        return [];
      },
    },
    { maxAttempts: 1, concurrency: 64 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 40 }), async (entries) => {
      await bus.client.xtrim(STREAM, 'MAXLEN', 0);
      await bus.client.del(keys.deadLetters(STREAM));
      handled.length = 0;
      for (const fields of entries) await bus.client.call('XADD', [STREAM, '*', ...fields]);
      const written = (await bus.client.xrangeBuffer(STREAM, '-', '+')) as [Buffer, Buffer[]][];
      const marker = await bus.report('a last one');
      await eventually(() => expect(handled).toContain(`/ops/test/${marker}`));
      await eventually(async () => expect(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]).toBe(0));
      const letters = await listDeadLetters(bus.client, STREAM, 1000);
      const bodies = (await bus.client.xrangeBuffer(keys.deadLetters(STREAM), '-', '+')) as [Buffer, Buffer[]][];
      for (const [at, { id, code }] of letters.entries()) {
        const [, original = []] = written.find(([one]) => one.toString() === id) ?? [];
        const [, kept = []] = bodies[at] ?? [];
        expect(Buffer.concat(kept.slice(-original.length)).equals(Buffer.concat(original))).toBe(true);
        outcomes.push(code);
      }
      const dead = new Set(letters.map(({ id }) => id));
      expect(dead.size).toBe(letters.length);
      // What is no dead letter was an event: of another type, done already, or handled now.
      for (const [id, fields] of written.filter(([one]) => !dead.has(one.toString()))) {
        expect(isEventLike(fields), `${id} ${fields.map(String).join(' ')}`).toBe(true);
      }
    }),
    { numRuns: 150, interruptAfterTimeLimit: 30_000 },
  );
  expect(rejections).toEqual([]);
  // The generator reaches what it is for.
  expect(new Set(outcomes).size).toBeGreaterThan(3);
});

function isEventLike(fields: readonly Buffer[]): boolean {
  const at = fields.findIndex((field, index) => index % 2 === 0 && ['event', 'type'].includes(field.toString()));
  return at >= 0 && /alert\.(reported|unsilenced)/.test(fields[at + 1]?.toString() ?? '');
}
