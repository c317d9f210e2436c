import { afterEach, beforeEach, expect, test } from 'vitest';
import { listDeadLetters, PermanentError, retryDeadLetter } from '../../src/streams/index.js';
import { eventually, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

// What is special to this bus; what any transport promises is in contract.test.ts.

let bus: TestBus;
let leaks: LeakCheck;
let url: string;

beforeEach(async () => {
  ({ url } = await (await testRedis()).fresh());
  leaks = await leakCheck({ redisUrl: url });
  bus = await testBus(url);
});

afterEach(async () => {
  await bus.close();
  expect((await leaks.leaks()).filter((leak) => !leak.includes('pending'))).toEqual([]);
  await leaks.close();
});

test('what a handler returns belongs to the chain of what caused it, and is signed by its service', async () => {
  await bus.join({
    'alert.reported': () => {
      return [
        {
          type: 'notice.published',
          subject: 'maurice',
          data: { notice_id: 'n', audience: 'maurice', severity: 'info', text: 't', about: 'a', incident_id: null },
        },
      ];
    },
  });
  const id = await bus.report('a');
  await eventually(async () => expect(await bus.client.xlen('ops:incidents')).toBe(1));
  const [[, fields]] = (await bus.client.xrange('ops:incidents', '-', '+')) as [[string, [string, string]]];
  expect(JSON.parse(fields[1])).toMatchObject({ causationid: `/ops/test/${id}`, correlationid: id, source: `/ops/${GROUP}` });
});

test('flat fields that are retried keep their identity and their age', async () => {
  await bus.join({
    'alert.reported': () => {
      throw new PermanentError('NO', 'broken');
    },
  });
  const data = JSON.stringify({
    service: 'a',
    status: 'down',
    metric: 'm',
    threshold: 1,
    current_value: 2,
    timestamp: '2026-11-23T10:00:00Z',
  });
  const first = await bus.client.xadd(STREAM, '*', 'type', 'alert.reported', 'data', data);
  await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
  const [letter] = await listDeadLetters(bus.client, STREAM);
  const again = await retryDeadLetter(bus.client, STREAM, letter?.deadId ?? '');
  const [entry] = await bus.client.xrange(STREAM, again ?? '', again ?? '');
  const fields = entry?.[1] ?? [];
  expect(fields[fields.indexOf('id') + 1]).toBe(first);
  expect(Date.parse(fields[fields.indexOf('time') + 1] ?? '')).toBe(Number.parseInt(first ?? '', 10));
});
