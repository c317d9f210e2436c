import { describe, expect, test } from 'vitest';
import { encodeEvent } from '../../src/events/index.js';
import { EntryReader } from '../../src/streams/index.js';
import { stamp } from '../../src/streams/stamp.js';

const STREAM = 'ops:alerts';
const entry = (service: string) => {
  const data = {
    service,
    status: 'down',
    metric: 'health',
    threshold: 'up',
    current_value: 'down',
    timestamp: '2026-11-23T10:00:00Z',
  };
  const draft = { type: 'alert.reported', subject: service, data } as const;
  return ['event', encodeEvent(stamp(draft, { service: 'test', host: 'vm-1' }, 0))];
};

describe('readers of one process share what they read', () => {
  test('the second reader is given what the first has read, and after it nothing is kept', () => {
    const reader = new EntryReader();
    const [first, second] = [reader.open(STREAM), reader.open(STREAM)];
    const fields = entry('crm');
    const read = first.read('1-0', fields);
    expect(second.read('1-0', fields)).toBe(read);
    expect(first.read('1-0', fields)).not.toBe(read);
  });

  test('a reader alone keeps nothing; so does one whose neighbour has closed', () => {
    const reader = new EntryReader();
    const alone = reader.open(STREAM);
    const fields = entry('crm');
    expect(alone.read('1-0', fields)).not.toBe(alone.read('1-0', fields));
    const neighbour = reader.open(STREAM);
    neighbour.close();
    neighbour.close();
    expect(alone.read('2-0', fields)).not.toBe(alone.read('2-0', fields));
  });

  test('another text under the same id is read for itself', () => {
    const reader = new EntryReader();
    const [first, second] = [reader.open(STREAM), reader.open(STREAM)];
    first.read('1-0', entry('crm'));
    const read = second.read('1-0', entry('erp'));
    expect(read.decoded).toMatchObject({ ok: true, event: { subject: 'erp' } });
  });

  test('what a slow reader never comes for is bounded: the oldest goes', () => {
    const reader = new EntryReader();
    const [first, second] = [reader.open(STREAM), reader.open(STREAM)];
    const fields = entry('x'.repeat(200));
    const reads = Array.from({ length: 6000 }, (_, index) => first.read(`${index}-0`, fields));
    expect(second.read('5999-0', fields)).toBe(reads[5999]);
    expect(second.read('0-0', fields)).not.toBe(reads[0]);
  });
});
