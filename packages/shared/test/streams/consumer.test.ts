import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keys } from '../../src/events/index.js';
import { listDeadLetters, PermanentError, retryDeadLetter } from '../../src/streams/index.js';
import { eventually, type LeakCheck, leakCheck, testRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, type TestBus, testBus } from './bus.js';

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

const pending = async () => Number(((await bus.client.xpending(STREAM, GROUP)) as unknown[])[0]);

describe('a handler', () => {
  test('gets each event once, its outputs are published, then the input is acknowledged', async () => {
    const seen: string[] = [];
    await bus.join({
      'alert.reported': (event) => {
        seen.push(event.subject);
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
    await eventually(async () => {
      expect(await bus.client.xlen('ops:incidents')).toBe(1);
      expect(await pending()).toBe(0);
    });
    expect(seen).toEqual(['a']);
    const [[, fields]] = (await bus.client.xrange('ops:incidents', '-', '+')) as [[string, [string, string]]];
    expect(JSON.parse(fields[1])).toMatchObject({ causationid: `/ops/test/${id}`, correlationid: id, source: `/ops/${GROUP}` });
  });

  test('is not run again for an event that its group is done with', async () => {
    let runs = 0;
    await bus.join({
      'alert.reported': () => {
        runs += 1;
        return [];
      },
    });
    await bus.report('a');
    await eventually(async () => expect(await pending()).toBe(0));
    await eventually(() => expect(runs).toBe(1));
    // The same event stored twice: what a lost reply and its resend do.
    const [[, fields]] = (await bus.client.xrange(STREAM, '-', '+')) as [[string, string[]]];
    await bus.client.xadd(STREAM, '*', ...fields);
    const marker = await bus.report('b');
    expect(marker).not.toBe('');
    await eventually(() => expect(runs).toBe(2));
    await eventually(async () => expect(await pending()).toBe(0));
    expect(runs).toBe(2);
  });

  test('that fails is tried again, then its event is dead with the reason, and the stream goes on', async () => {
    let tries = 0;
    const good: string[] = [];
    await bus.join({
      'alert.reported': (event) => {
        if (event.subject === 'bad') {
          tries += 1;
          throw new Error('it broke');
        }
        good.push(event.subject);
        return [];
      },
    });
    await bus.report('bad');
    await bus.report('good');
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
    const [letter] = await listDeadLetters(bus.client, STREAM);
    expect(letter).toMatchObject({ code: 'failed', attempts: 3, group: GROUP, type: 'alert.reported' });
    expect(letter?.reasons[0]).toContain('it broke');
    expect(tries).toBe(3);
    expect(good).toEqual(['good']);
    expect(await pending()).toBe(0);
  });

  test('that says that trying again is of no use is not tried again', async () => {
    let tries = 0;
    await bus.join({
      'alert.reported': () => {
        tries += 1;
        throw new PermanentError('NO', 'never');
      },
    });
    await bus.report('a');
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
    expect(tries).toBe(1);
  });

  test('whose database is away waits for it, however often it fails', async () => {
    let tries = 0;
    await bus.join(
      {
        'alert.reported': () => {
          tries += 1;
          if (tries <= 2) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
          return [];
        },
      },
      { maxAttempts: 1 },
    );
    await bus.report('a');
    await eventually(async () => {
      expect(tries).toBe(3);
      expect(await pending()).toBe(0);
    });
    expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
  });

  test('events of one subject stay in order while one is retried, other subjects go on', async () => {
    const seen: string[] = [];
    let failures = 0;
    await bus.join({
      'alert.reported': ({ subject, data }) => {
        if (data.status === '1' && failures < 2) {
          failures += 1;
          throw new Error('not yet');
        }
        seen.push(`${subject}${data.status}`);
        return [];
      },
    });
    for (const status of ['1', '2', '3']) await bus.report('a', status);
    await bus.report('b', '1');
    await eventually(() => expect(seen).toHaveLength(4));
    expect(seen.filter((each) => each.startsWith('a'))).toEqual(['a1', 'a2', 'a3']);
  });
});

describe('dead letters', () => {
  test.each([
    ['no event', ['foo', 'bar'], 'no-event-field'],
    ['not JSON', ['event', '{'], 'not-json'],
    ['an unknown type', ['type', 'alert.exploded', 'data', '{}'], 'unknown-type'],
    ['bad data', ['type', 'alert.reported', 'data', '{"service":1}'], 'bad-data'],
  ])('%s: with path, value and expectation; its neighbours are handled', async (_name, fields, code) => {
    const seen: string[] = [];
    await bus.join({
      'alert.reported': (event) => {
        seen.push(event.subject);
        return [];
      },
    });
    await bus.client.xadd(STREAM, '*', ...fields);
    await bus.report('neighbour');
    await eventually(async () => {
      expect(seen).toEqual(['neighbour']);
      expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([{ code, fields }]);
      expect(await pending()).toBe(0);
    });
    const [letter] = await listDeadLetters(bus.client, STREAM);
    expect(letter?.reasons[0]).toMatch(/^.+: .+: expected .+/);
  });

  test('what no group can read is one dead letter, not one a group', async () => {
    await bus.join({ 'alert.reported': () => [] });
    await bus.join({ 'alert.reported': () => [] }, { group: 'another' });
    await bus.client.xadd(STREAM, '*', 'event', '{');
    for (const group of [GROUP, 'another']) {
      await eventually(async () => {
        const facts = (await bus.client.xpending(STREAM, group)) as unknown[];
        expect(facts[0]).toBe(0);
        expect(await bus.client.xinfo('GROUPS', STREAM)).not.toContain('0-0');
      });
    }
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
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

  test('bytes that are no UTF-8 are kept as they were', async () => {
    await bus.join({ 'alert.reported': () => [] });
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    await bus.client.call('XADD', STREAM, '*', 'event', bytes);
    await eventually(async () => expect(await bus.client.xlen(keys.deadLetters(STREAM))).toBe(1));
    const [[, fields]] = (await bus.client.xrangeBuffer(keys.deadLetters(STREAM), '-', '+')) as [[Buffer, Buffer[]]];
    expect(fields.at(-1)).toEqual(bytes);
    expect(await listDeadLetters(bus.client, STREAM)).toMatchObject([{ code: 'not-utf8' }]);
  });

  test('one that is retried is handled by the group that failed, and is gone from the list', async () => {
    let broken = true;
    const seen: string[] = [];
    await bus.join({
      'alert.reported': (event) => {
        if (broken) throw new PermanentError('NO', 'broken');
        seen.push(event.id);
        return [];
      },
    });
    const id = await bus.report('a');
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
    broken = false;
    const [letter] = await listDeadLetters(bus.client, STREAM);
    await retryDeadLetter(bus.client, STREAM, letter?.deadId ?? '');
    await eventually(() => expect(seen).toEqual([id]));
    expect(await listDeadLetters(bus.client, STREAM)).toEqual([]);
  });
});
