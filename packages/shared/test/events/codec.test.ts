import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envelopeSchema, isPlainEnvelope } from '../../src/events/envelope.js';
import { decodeEntry, EVENT_TYPES, encodeEvent, MAX_EVENT_BYTES, type OpsEvent, STREAM_NAMES } from '../../src/events/index.js';
import { stamp } from '../../src/streams/stamp.js';

const alert = {
  service: 'crm',
  status: 'down',
  metric: 'health',
  threshold: 'up',
  current_value: 'HTTP 500',
  timestamp: '2026-11-23T10:00:00Z',
};
const reported = (data: unknown = alert) => ({
  specversion: '1.0',
  id: 'a-1',
  source: '/nucleus',
  type: 'alert.reported',
  subject: 'crm',
  time: '2026-11-23T10:00:00Z',
  data,
});
const decode = (envelope: unknown, stream = 'ops:alerts') =>
  decodeEntry(stream, '1763900000000-0', ['event', JSON.stringify(envelope)]);

function issueOf(decoded: ReturnType<typeof decodeEntry>): string {
  if (decoded.ok) throw new Error('it was taken');
  const { code, issues } = decoded.rejection;
  return `${code} | ${issues.map(({ path, value, expected }) => `${path} | ${value} | ${expected}`).join('\n')}`;
}

describe('both inbound forms', () => {
  test('the envelope as JSON in the field `event`', () => {
    const decoded = decode(reported());
    expect(decoded).toMatchObject({ ok: true, event: { id: 'a-1', source: '/nucleus', type: 'alert.reported', data: alert } });
  });

  test('flat fields: id, time and source come from the entry', () => {
    const decoded = decodeEntry('ops:alerts', '1763900000000-7', ['type', 'alert.reported', 'data', JSON.stringify(alert)]);
    expect(decoded).toMatchObject({
      ok: true,
      event: {
        id: '1763900000000-7',
        source: 'ops:alerts',
        time: '2025-11-23T12:13:20.000Z',
        subject: 'alert.reported',
        data: alert,
      },
    });
  });

  test('flat fields may carry attributes of their own', () => {
    const fields = ['type', 'alert.reported', 'data', JSON.stringify(alert), 'subject', 'crm', 'actor', 'guard.py', 'id', 'x1'];
    expect(decodeEntry('ops:alerts', '1-0', fields)).toMatchObject({
      ok: true,
      event: { id: 'x1', subject: 'crm', actor: 'guard.py' },
    });
  });
});

describe('what cannot be read is refused with path, value and expectation', () => {
  test.each([
    ['no event', ['foo', 'bar'], 'no-event-field | (fields) | "foo" | a field `event`, or fields `type` and `data`'],
    ['not JSON', ['event', '{oops'], 'not-json | event | "{oops" | JSON'],
    ['data that is no JSON', ['type', 'alert.reported', 'data', 'x{'], 'not-json | data | "x{" | JSON'],
    ['a field twice', ['event', '{}', 'event', '{}'], 'bad-envelope | (fields) | 4 | each field at most once, in pairs'],
    [
      'U+0000',
      ['event', '{"a":"b\\\\\\u0000"}'],
      'not-text | event | "{\\"a\\":\\"b\\\\\\\\\\\\u0000\\"}" | text without U+0000, which PostgreSQL cannot store',
    ],
    [
      'U+0000 in a flat field',
      ['type', 'alert.reported', 'subject', 'a\0b'],
      'not-text | subject | "a\\u0000b" | text without U+0000, which PostgreSQL cannot store',
    ],
    ['broken UTF-8', ['event', '{"a":"\uFFFD"}'], 'not-utf8 | event | "{\\"a\\":\\"\uFFFD\\"}" | valid UTF-8'],
  ])('%s', (_name, fields, expected) => {
    expect(issueOf(decodeEntry('ops:alerts', '1-0', fields))).toBe(expected);
  });

  test('an entry that is too large', () => {
    const text = 'x'.repeat(MAX_EVENT_BYTES);
    expect(issueOf(decodeEntry('ops:alerts', '1-0', ['event', text]))).toMatch(
      /^too-large \| \(entry\) \| "\d+ bytes" \| at most/,
    );
  });

  test.each([
    [{ ...reported(), id: undefined }, 'bad-envelope | event.id | missing | string'],
    [{ ...reported(), specversion: '0.3' }, 'bad-envelope | event.specversion | "0.3" | one of "1.0"'],
    [{ ...reported(), time: 'yesterday' }, 'bad-envelope | event.time | "yesterday" | datetime'],
    [
      { ...reported(), type: 'alert.exploded' },
      'unknown-type | event.type | "alert.exploded" | a type of the catalog (docs/event-map.md)',
    ],
    [
      { ...reported(), dataschema: 'urn:ops:alert.reported:v9' },
      'unknown-version | event.dataschema | "urn:ops:alert.reported:v9" | urn:ops:alert.reported:v1',
    ],
    [reported({ ...alert, metric: 5 }), 'bad-data | data.metric | 5 | string'],
    [reported({ ...alert, timestamp: 'now' }), 'bad-data | data.timestamp | "now" | datetime'],
    [reported('text'), 'bad-data | data | "text" | object'],
  ])('%#', (envelope, expected) => {
    expect(issueOf(decode(envelope))).toBe(expected);
  });

  test('an event on a stream that is not its own', () => {
    expect(issueOf(decode(reported(), 'ops:guard'))).toBe(
      'wrong-stream | event.type | "alert.reported" | to be written to ops:alerts',
    );
  });

  test('a secret in a wrong field is not repeated', () => {
    const refusal = issueOf(decode(reported({ ...alert, service: { password: 'hunter2-hunter2' } })));
    expect(refusal).toContain('data.service');
    expect(refusal).not.toContain('hunter2');
  });
});

describe('fuzz', () => {
  const streams = fc.constantFrom(...STREAM_NAMES);

  test('no entry makes the codec throw, and every refusal says path, value and expectation', () => {
    fc.assert(
      fc.property(
        streams,
        fc.array(fc.oneof(fc.string(), fc.json(), fc.constantFrom('event', 'type', 'data'))),
        (stream, fields) => {
          const decoded = decodeEntry(stream, '1-0', fields);
          if (!decoded.ok)
            for (const issue of decoded.rejection.issues)
              expect(Object.values(issue).every((text) => text.length > 0)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('no envelope with anything in place of anything makes it throw', () => {
    const type = fc.constantFrom(...EVENT_TYPES);
    fc.assert(
      fc.property(
        streams,
        type,
        fc.anything({ withBigInt: false }),
        fc.constantFrom(...Object.keys(reported())),
        (stream, name, junk, key) => {
          const envelope = { ...reported(), type: name, data: junk, [key]: junk };
          expect(typeof decode(envelope, stream).ok).toBe('boolean');
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('__proto__ and friends are only names', () => {
    const decoded = decodeEntry('ops:alerts', '1-0', ['event', '{"__proto__":{"polluted":true},"constructor":1}']);
    expect(decoded.ok).toBe(false);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

test('what we write we can read', () => {
  const event = stamp(
    { type: 'alert.reported', subject: 'crm', data: alert },
    { service: 'monitor', host: 'h' },
    1_763_900_000_000,
  );
  const text = encodeEvent(event);
  expect(decodeEntry('ops:alerts', '1-0', ['event', text])).toEqual({ ok: true, event, text });
});

test('U+0000 is written as its symbol, and what only looks like it is left', () => {
  const event = reported({ ...alert, metric: 'a\0\0b \\u0000 \\\0' }) as unknown as OpsEvent;
  const text = encodeEvent(event);
  expect(JSON.parse(text).data.metric).toBe('a\u2400\u2400b \\u0000 \\\u2400');
  expect(decodeEntry('ops:alerts', '1-0', ['event', text]).ok).toBe(true);
});

test('outputs of the same cause have the same ids, in their order; other causes give others', () => {
  const decoded = decode(reported());
  if (!decoded.ok) throw new Error('not decoded');
  const draft = { type: 'alert.reported' as const, subject: 'crm', data: alert };
  const from = (event: OpsEvent, index: number) => stamp(draft, { service: 's', host: 'h' }, Date.now(), { event, index }).id;
  expect(from(decoded.event, 0)).toBe(from(decoded.event, 0));
  expect(from(decoded.event, 1)).not.toBe(from(decoded.event, 0));
  expect(from({ ...decoded.event, id: 'a-2' }, 0)).not.toBe(from(decoded.event, 0));
});

describe('the short way for what our own publishers write', () => {
  const known = (type: unknown, dataschema: unknown) => type === 'alert.reported' && dataschema === 'urn:ops:alert.reported:v1';
  const plain = {
    ...reported(),
    time: '2026-11-23T10:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:ops:alert.reported:v1',
    correlationid: 'a-1',
    host: 'vm-1',
  };

  test('every type of the catalog is plain as it is published', () => {
    expect(isPlainEnvelope(plain, known)).toBe(true);
    for (const type of EVENT_TYPES) {
      const dataschema = `urn:ops:${type}:v1`;
      expect(envelopeSchema.safeParse({ ...plain, type, dataschema }).success, type).toBe(true);
    }
  });

  test('what it takes, the schema takes unchanged: any value in any attribute', () => {
    const odd = fc.oneof(
      fc.constantFrom(undefined, null, '', 0, true, '1.0', 'application/json', '2026-02-30T10:00:00Z', '2026-11-23', {}, []),
      fc.string({ maxLength: 700, minLength: 190 }),
      fc.string(),
      fc.jsonValue(),
    );
    const attribute = fc.constantFrom(
      ...Object.keys(plain),
      'causationid',
      'traceparent',
      'actor',
      'further',
      '__proto__',
      'toString',
    );
    let taken = 0;
    fc.assert(
      fc.property(fc.array(fc.tuple(attribute, odd), { maxLength: 2 }), (changes) => {
        const input = JSON.parse(JSON.stringify({ ...plain, ...Object.fromEntries(changes) }));
        if (!isPlainEnvelope(input, known)) return;
        taken += 1;
        const parsed = envelopeSchema.safeParse(input);
        expect(parsed).toEqual({ success: true, data: input });
      }),
      { numRuns: 3000 },
    );
    expect(taken).toBeGreaterThan(100);
  });

  test('it is left where the schema has to say what is wrong', () => {
    for (const wrong of [
      { time: '2026-02-30T10:00:00.000Z' },
      { id: '' },
      { id: 'x'.repeat(201) },
      { host: 7 },
      { further: 'x' },
    ])
      expect(isPlainEnvelope({ ...plain, ...wrong }, known), JSON.stringify(wrong)).toBe(false);
  });
});
