import { beforeAll, describe, expect, test } from 'vitest';

// The verdict of the ledger must see what it is there for: one run in order, and each wrong one.

interface Event {
  subject: string;
  seq: number;
  source: string;
  id: string;
}
type Examine = (left: object) => { violations: { what: string; seq?: number }[] };
let examine: Examine;
let isAnswered: (id: string) => boolean;

beforeAll(async () => {
  const here = (name: string) => new URL(`../ledger/${name}.mjs`, import.meta.url).href;
  ({ examine } = (await import(here('examine'))) as { examine: Examine });
  ({ isAnswered } = (await import(here('subjects'))) as { isAnswered: (id: string) => boolean });
});

/** What a run in order leaves behind: `count` events of one subject. */
function inOrder(count: number) {
  const events: Event[] = Array.from({ length: count }, (_, at) => ({
    subject: 's',
    seq: at + 1,
    source: '/ops/p',
    id: `id-${at + 1}`,
  }));
  const numbers = events.map(({ subject, seq }): [string, number] => [subject, seq]);
  return {
    groups: ['g'],
    accepted: [...numbers],
    called: [...numbers],
    entries: [...events],
    outputs: events.filter(({ id }) => isAnswered(id)).map(({ id }) => answer(id)),
    effects: events.map((event) => ({ ...event, group: 'g', at: event.seq })),
    runs: events.map((event) => ({ ...event, group: 'g', consumer: 'c', attempt: 1 })),
    deadLetters: [] as object[],
    unread: [] as object[],
  };
}

const answer = (id: string, own = `of-${id}`) => ({ source: '/ops/g', id: own, cause: `/ops/p/${id}` });
const answered = () => Array.from({ length: 100 }, (_, at) => at + 1).find((seq) => isAnswered(`id-${seq}`)) ?? 0;
const swap = (list: unknown[], at: number) => list.splice(at, 2, list[at + 1], list[at]);
type Left = ReturnType<typeof inOrder>;

describe('the verdict of the ledger', () => {
  test('a run in order, doubles in the stream and repeated runs included, is in order', () => {
    const left = inOrder(100);
    left.entries.push(...left.entries.slice(-1));
    left.runs.push(...left.runs.slice(0, 3));
    left.outputs.push(...left.outputs.slice(0, 1));
    expect(examine(left).violations).toEqual([]);
  });

  test.each<[string, (left: Left) => unknown, string[]]>([
    [
      'an accepted event is lost on its way to the stream',
      (left) => [left.entries.splice(4, 1), left.effects.splice(4, 1)],
      ['accepted, and not in the stream', 'accepted, and without effect'],
    ],
    [
      'an event of the stream has no effect',
      (left) => left.effects.splice(4, 1),
      ['in the stream, and without effect', 'accepted, and without effect'],
    ],
    [
      'an effect of nothing',
      (left) => left.effects.push({ ...left.effects[99], id: 'other' } as Left['effects'][number]),
      ['an effect of nothing that was published'],
    ],
    ['the order of the effects', (left) => swap(left.effects, 4), ['its first effect is before that of an earlier one']],
    ['the order in the stream', (left) => swap(left.entries, 4), ['in the stream before an earlier one']],
    ['an entry that nobody published', (left) => left.called.splice(4, 1), ['in the stream, and never published']],
    [
      'one event with two ids',
      (left) => left.entries.push({ ...left.entries[0], id: 'other' } as Event),
      ['in the stream with two ids'],
    ],
    ['a lost answer', (left) => left.outputs.splice(0, 1), ['0 answers']],
    ['an answer with two ids', (left) => left.outputs.push(answer(`id-${answered()}`, 'twice')), ['2 answers']],
    ['a dead letter', (left) => left.deadLetters.push({ code: 'failed', group: 'g', count: 1 }), ['1 dead letters']],
    ['a loss that was told', (left) => left.unread.push({ group: 'g', count: 3 }), ['3 entries are said to be lost']],
  ])('sees: %s', (_what, spoil, expected) => {
    const left = inOrder(100);
    spoil(left);
    const seen = examine(left).violations.map(({ what }) => what);
    for (const what of expected) expect(seen.some((one) => one.startsWith(what))).toBe(true);
    expect(seen.every((one) => expected.some((what) => one.startsWith(what)) || one.includes('answers'))).toBe(true);
  });
});
