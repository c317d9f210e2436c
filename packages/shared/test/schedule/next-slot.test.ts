import { getNextMillis } from 'bullmq';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nextSlot, parseSchedule, scheduleIssue, scheduleText } from '../../src/schedule/index.js';

const ZONES = [...Intl.supportedValuesOf('timeZone'), 'UTC'];
const HOUR = 3_600_000;

describe('clock changes', () => {
  test.each([
    [
      'a skipped time comes later by what is skipped',
      'America/New_York',
      '30 2 * * *',
      '2027-03-13T12:00:00Z',
      '2027-03-14T07:30:00Z',
    ],
    ['and on the next day as ever', 'America/New_York', '30 2 * * *', '2027-03-14T12:00:00Z', '2027-03-15T06:30:00Z'],
    [
      'a time that comes twice is taken once, the first time',
      'America/New_York',
      '30 1 * * *',
      '2027-11-06T12:00:00Z',
      '2027-11-07T05:30:00Z',
    ],
    ['and not the second time', 'America/New_York', '30 1 * * *', '2027-11-07T05:30:00Z', '2027-11-08T06:30:00Z'],
    ['every hour is every real hour', 'America/New_York', '0 * * * *', '2027-11-07T05:30:00Z', '2027-11-07T06:00:00Z'],
    ['Berlin skips 02:30', 'Europe/Berlin', '30 2 * * *', '2027-03-27T12:00:00Z', '2027-03-28T01:30:00Z'],
    [
      'only half an hour is skipped, at Lord Howe: what lies in it waits for the next day',
      'Australia/Lord_Howe',
      '15 2 * * *',
      '2026-10-03T00:00:00Z',
      '2026-10-04T15:15:00Z',
    ],
  ])('%s: %s', (_rule, zone, expression, after, expected) => {
    const slot = nextSlot(parseSchedule(expression, zone), Date.parse(after));
    expect(new Date(slot ?? 0).toISOString()).toBe(new Date(expected).toISOString());
  });

  test('in every zone the slots are those of BullMQ, around both changes of a year', () => {
    const differing: string[] = [];
    for (const zone of ZONES) {
      for (const expression of ['30 2 * * *', '*/30 0-3 * * *']) {
        for (const change of changesOf(zone)) {
          let ours = change - 26 * HOUR;
          let theirs = ours;
          for (let slot = 0; slot < 4; slot += 1) {
            ours = nextSlot(parseSchedule(expression, zone), ours) ?? 0;
            theirs = getNextMillis(theirs, { pattern: expression, tz: zone }) ?? 0;
            if (ours !== theirs)
              differing.push(`${zone} ${expression} ${new Date(ours).toISOString()} ${new Date(theirs).toISOString()}`);
          }
        }
      }
    }
    expect(differing).toEqual([]);
  });
});

test('slots only go forward, and asking within a minute gives the same', () => {
  const expressions = [
    '* * * * *',
    '*/5 * * * *',
    '0 8 * * 1-5',
    '30 2 * * *',
    '0 0 1 * *',
    '15 10 * * * *',
    '@secondly',
    '@hourly',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...expressions),
      fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu'),
      fc.integer({ min: 1.7e12, max: 2.2e12 }),
      (expression, zone, after) => {
        const schedule = parseSchedule(expression, zone);
        const slot = nextSlot(schedule, after) ?? 0;
        expect(slot).toBeGreaterThan(after);
        expect(nextSlot(schedule, slot - 1)).toBe(slot);
        expect(nextSlot(schedule, slot) ?? 0).toBeGreaterThan(slot);
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ['61 * * * *', 'UTC', 'schedule.expression: 61 * * * *: expected a cron expression'],
  ['* * *', 'UTC', 'it has 3 fields'],
  ['', 'UTC', 'schedule.expression: empty: expected a cron expression of 5 fields (6 with seconds): it has 0 fields'],
  ['H * * * *', 'UTC', 'H is not a time'],
  ['0 0 30 2 *', 'UTC', 'schedule.expression'],
  ['0 8 * * *', 'Mars/Olympus', 'schedule.time_zone: Mars/Olympus: expected a time zone'],
  ['0 8 * * *', '', 'schedule.time_zone: empty: expected a time zone'],
  ['every 10', 'UTC', 'schedule.every'],
  ['every 100ms', 'UTC', 'schedule.every: 100: expected at least 1000 ms'],
  ['every 999999999d', 'UTC', 'schedule.every: 86399999913600000: expected at most 100 years'],
])('%j in %j is refused: %s', (written, zone, expected) => {
  const issue = scheduleIssue(parseSchedule(written, zone));
  expect(`${issue?.path}: ${issue?.value}: expected ${issue?.expected}`).toContain(expected);
});

test.each([
  ['0 8 * * *', '0 8 * * * Europe/Berlin'],
  ['@daily', '@daily Europe/Berlin'],
  ['every 90m', 'every 90 min'],
  ['every 2h', 'every 2 h'],
])('%s is taken: %s', (written, text) => {
  const schedule = parseSchedule(written, 'Europe/Berlin');
  expect(scheduleIssue(schedule)).toBeUndefined();
  expect(scheduleText(schedule)).toBe(text);
});

test('every, at and on demand', () => {
  expect(nextSlot({ kind: 'every', every_ms: 600_000, anchor_ms: 1000 }, 601_000)).toBe(1_201_000);
  expect(nextSlot({ kind: 'every', every_ms: 600_000, anchor_ms: 1_000_000 }, 0)).toBe(400_000);
  expect(nextSlot({ kind: 'at', at_ms: 5 }, 4)).toBe(5);
  expect(nextSlot({ kind: 'at', at_ms: 5 }, 5)).toBeUndefined();
  expect(nextSlot({ kind: 'on-demand' }, 0)).toBeUndefined();
});

// When the clocks of a zone are changed in 2027, to the hour.
function changesOf(zone: string): number[] {
  const from = Date.UTC(2027, 0, 1);
  const changes: number[] = [];
  for (let day = 0; day < 365; day += 7) {
    const [begin, end] = [from + day * 24 * HOUR, from + (day + 7) * 24 * HOUR];
    if (offset(zone, begin) === offset(zone, end)) continue;
    let time = begin;
    while (time < end && offset(zone, time) === offset(zone, begin)) time += HOUR;
    changes.push(time);
  }
  return changes.length === 0 ? [from] : changes;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function offset(zone: string, time: number): string {
  const format = formats.get(zone) ?? new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' });
  formats.set(zone, format);
  return format.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
}
