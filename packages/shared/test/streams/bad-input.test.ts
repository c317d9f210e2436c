import { afterEach, beforeEach, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { dropDeadLetter, listDeadLetters, readDeadLetter, retryDeadLetter } from '../../src/streams/index.js';
import { eventually, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

// Whatever somebody writes into a stream: one dead letter, whole, and nobody else hears of it.

let bus: TestBus;
let seen: string[];

beforeEach(async () => {
  const { url } = await (await testRedis()).fresh();
  bus = await testBus(url);
  seen = [];
});

afterEach(() => bus.close());

type Fields = readonly (string | Buffer)[];

const pending = async () => Number(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]);
const write = (fields: Fields) => bus.client.call('XADD', [STREAM, '*', ...fields]);
const join = () =>
  bus.join({
    'alert.reported': ({ subject }) => {
      seen.push(subject);
      return [];
    },
  });
const envelope = (more: string, data = '{}') =>
  `{"specversion":"1.0","id":"1","source":"/s","type":"alert.reported","subject":"s","time":"2026-11-23T10:00:00Z",${more}"data":${data}}`;
const deep = (levels: number, open = '[', close = ']') => open.repeat(levels) + close.repeat(levels);
const DATA = '{"service":"a","status":"down","metric":"m","threshold":1,"current_value":2,"timestamp":"2026-11-23T10:00:00Z"}';

const MEGABYTES_10 = 'x'.repeat(10_000_000);

const cases: [string, Fields, string][] = [
  ['10 MB', ['event', MEGABYTES_10], 'too-large'],
  ['100,000 fields', Array.from({ length: 200_000 }, (_, index) => `f${index}`), 'too-large'],
  ['a key that is no UTF-8', [Buffer.from([0xff, 0x00]), 'value'], 'not-utf8'],
  ['a value that is no UTF-8', ['event', Buffer.from([0x7b, 0xc3, 0x28, 0x7d])], 'not-utf8'],
  ['a type of a later version', ['event', envelope('"dataschema":"urn:ops:alert.reported:v99",')], 'unknown-version'],
  ['an unknown type', ['type', 'alert.exploded', 'data', '{}'], 'unknown-type'],
  ['a field twice', ['event', envelope('', DATA), 'event', '{}'], 'bad-envelope'],
  ['an empty event', ['event', ''], 'not-json'],
  ['an empty object', ['event', '{}'], 'bad-envelope'],
  ['names that are those of a dead letter', ['ops-dead-id', '1-1', 'ops-dead-reasons', '["mine"]'], 'no-event-field'],
  ['100,000 levels in the envelope', ['event', deep(100_000)], 'bad-envelope'],
  ['100,000 levels in the data', ['event', envelope('', deep(100_000))], 'bad-data'],
  ['20,000 levels of objects', ['type', 'alert.reported', 'data', `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`], 'bad-data'],
  ['a prototype as its envelope', ['event', '{"__proto__":{"type":"alert.reported"},"constructor":1}'], 'bad-envelope'],
  ['a prototype as a field', ['__proto__', '{"type":"alert.reported"}', 'constructor', 'x'], 'no-event-field'],
];

test.each(cases)('%s: one dead letter, byte for byte; its neighbours are handled', async (_name, fields, code) => {
  await join();
  await bus.report('before');
  await write(fields);
  await bus.report('after');
  await eventually(async () => {
    expect(seen).toEqual(['before', 'after']);
    expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([
      { code, group: GROUP, size: { fields: fields.length / 2 } },
    ]);
    expect(await pending()).toBe(0);
  });
  const [[, stored]] = (await bus.client.xrangeBuffer(keys.deadLetters(STREAM), '-', '+')) as [[Buffer, Buffer[]]];
  expect(Buffer.concat(stored.slice(-fields.length)).equals(Buffer.concat(fields.map((field) => Buffer.from(field))))).toBe(true);

  const [letter] = await listDeadLetters(bus.client, STREAM);
  const id = letter?.deadId ?? '';
  expect(JSON.stringify(await readDeadLetter(bus.client, STREAM, id)).length).toBeLessThan(250_000);
  expect(letter?.reasons[0]).toMatch(/^.+: .*: expected .+/s);

  // Tried again it is as bad as it was, and no worse.
  await retryDeadLetter(bus.client, STREAM, id);
  await eventually(async () => {
    const [again, ...others] = await listDeadLetters(bus.client, STREAM);
    expect(others).toEqual([]);
    expect(again?.deadId).not.toBe(id);
    expect(again?.code).toBe(code);
    expect(await dropDeadLetter(bus.client, STREAM, again?.deadId ?? '')).toBe(true);
  });
  expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
  expect(({} as { type?: unknown }).type).toBeUndefined();
});

test.each([
  ['100,000 levels in an attribute of its own', envelope(`"extension":${deep(100_000)},`, DATA)],
  [
    'a prototype in an attribute and in the data',
    envelope('"__proto__":{"type":"x"},', DATA.replace('{', '{"__proto__":{"status":"up"},')),
  ],
])('%s: it is an event all the same, and handled', async (_name, event) => {
  await join();
  await write(['event', event]);
  await bus.report('after');
  await eventually(async () => {
    expect(seen).toEqual(['s', 'after']);
    expect(await pending()).toBe(0);
  });
  expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
});

test('an id of the end of all times: its dead letter can be tried again', async () => {
  await bus.client.call('XADD', STREAM, '9999999999999999-1', 'foo', 'bar');
  await join();
  await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
  const [letter] = await listDeadLetters(bus.client, STREAM);
  await expect(retryDeadLetter(bus.client, STREAM, letter?.deadId ?? '')).resolves.toBe('9999999999999999-2');
});

test('many of 10 MB: they are buried and listed without all being in memory at once', async () => {
  const entries = 20;
  for (let index = 0; index < entries; index++) await write(['event', MEGABYTES_10]);
  const before = process.memoryUsage.rss();
  let most = 0;
  await join();
  await eventually(
    async () => {
      most = Math.max(most, process.memoryUsage.rss() - before);
      expect(await bus.client.xlen(keys.deadLetters(STREAM))).toBe(entries);
      expect(await pending()).toBe(0);
    },
    { within: 60_000, every: 5 },
  );
  expect(JSON.stringify(await listDeadLetters(bus.client, STREAM)).length).toBeLessThan(500_000);
  most = Math.max(most, process.memoryUsage.rss() - before);
  expect(most).toBeLessThan(entries * 10_000_000 * 2);
});
