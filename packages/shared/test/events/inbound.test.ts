import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalog, decodeEntry, EVENT_TYPES, type EventType } from '../../src/events/index.js';

/** A right one of every event that comes from outside. */
const SAMPLES: Partial<Record<EventType, Record<string, unknown>>> = {
  'guard.reported': {
    level: 'critical',
    cpu_percent: 91.5,
    ram_percent: 60,
    disk_percent: 40,
    timestamp: '2026-11-23T10:00:00Z',
    last_sample: { cpu_percent: 91.5, ram_percent: 60, disk_percent: 40, timestamp: 1_763_900_000.5 },
  },
  'alert.reported': {
    service: 'crm',
    status: 'down',
    metric: 'health',
    threshold: 2,
    current_value: 5,
    timestamp: '2026-11-23T10:00:00Z',
  },
  'deploy.requested': {
    kind: 'image',
    service: 'crm',
    image: 'crm:2',
    urgent: false,
    requested_by: 'nucleus',
  },
  'directive.acknowledged': { directive_id: 'h-1-0', target: 'nucleus', by: 'nucleus-1' },
};
const OUTSIDE = EVENT_TYPES.filter((type) => catalog[type].from.startsWith('outside'));

test('there is a sample of every event that comes from outside, and it is right', () => {
  expect(Object.keys(SAMPLES).sort()).toEqual([...OUTSIDE].sort());
  for (const type of OUTSIDE) expect(decode(type, SAMPLES[type])).toMatchObject({ ok: true });
});

// A value that no field of any inbound event takes.
const WRONG: [string, unknown][] = [
  ['an object', { nested: true }],
  ['a list', [1]],
  ['a text that is far too long', 'x'.repeat(5000)],
];
// The deployer refuses it with reasons that are documented, which a dead letter would not be.
const TAKEN_AT_ANY_LENGTH: readonly EventType[] = ['deploy.requested'];

describe.each(OUTSIDE)('%s: every malformed field is refused with its path, its value and what was expected', (type) => {
  const fields = leaves(SAMPLES[type] ?? {});
  const wrong = WRONG.filter(([, value]) => typeof value !== 'string' || !TAKEN_AT_ANY_LENGTH.includes(type));
  test.each(fields.flatMap((path) => wrong.map(([name, value]) => [path.join('.'), name, path, value] as const)))(
    '%s is %s',
    (at, _name, path, value) => {
      const decoded = decode(type, replaced(SAMPLES[type] ?? {}, path, value));
      expect(decoded.ok).toBe(false);
      if (decoded.ok) return;
      const [issue] = decoded.rejection.issues;
      expect(decoded.rejection.code).toBe('bad-data');
      expect(issue?.path).toBe(`data.${at}`);
      expect(issue?.value.length).toBeLessThanOrEqual(81);
      expect(issue?.expected).not.toBe('');
    },
  );

  test('fuzz: anything in any field is taken or refused at that field, and never breaks', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), (path, value) => {
        const decoded = decode(type, replaced(SAMPLES[type] ?? {}, path, value));
        if (decoded.ok) return;
        for (const issue of decoded.rejection.issues) expect(issue.path.startsWith('data')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function decode(type: EventType, data: unknown) {
  return decodeEntry(catalog[type].stream, '1-0', ['type', type, 'data', JSON.stringify(data)]);
}

function leaves(value: Record<string, unknown>, before: string[] = []): string[][] {
  return Object.entries(value).flatMap(([key, inner]) =>
    inner !== null && typeof inner === 'object' ? leaves(inner as Record<string, unknown>, [...before, key]) : [[...before, key]],
  );
}

function replaced(value: Record<string, unknown>, [key = '', ...rest]: readonly string[], by: unknown): Record<string, unknown> {
  return { ...value, [key]: rest.length === 0 ? by : replaced(value[key] as Record<string, unknown>, rest, by) };
}
