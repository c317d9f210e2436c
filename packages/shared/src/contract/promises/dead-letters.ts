import { expect } from 'vitest';
import { eventually } from '../../testing/index.js';
import { type ContractPromise, recording, untilDone } from '../promise.js';
import { GROUP, type Member } from '../transport.js';

// Each with its reason. Values are texts here; the bytes of worse ones are compared in bad-input.test.ts.
const UNREADABLE: readonly [readonly string[], string][] = [
  [['foo', 'bar'], 'no-event-field'],
  [['event', '{'], 'not-json'],
  [['event', '{'.repeat(1000), 'more', 'x'.repeat(1000)], 'not-json'],
  [['type', 'alert.exploded', 'data', '{}'], 'unknown-type'],
  [['type', 'alert.reported', 'data', '{"service":1}'], 'bad-data'],
  [['event', '{}', 'only', 'nobody'], 'bad-envelope'],
];

export const deadLetters: readonly ContractPromise[] = [
  {
    name: 'a handler that fails is tried again, then the event is a dead letter with the reason of each try, and the stream goes on',
    async prove(bus) {
      let tries = 0;
      const { seen, handle } = recording(({ subject }) => {
        if (subject !== 'bad') return undefined;
        tries += 1;
        throw new Error(`broken ${tries}`);
      });
      await bus.join(handle);
      for (const subject of ['before', 'bad', 'after']) await bus.publish(subject);
      await untilDone(bus);
      const letters = await bus.deadLetters();
      expect(letters).toMatchObject([{ code: 'failed', attempts: 3, group: GROUP }]);
      expect(letters[0]?.reasons.map((reason) => /broken \d/.exec(reason)?.[0])).toEqual(['broken 1', 'broken 2', 'broken 3']);
      expect(seen.toSorted()).toEqual(['after', 'before']);
    },
  },
  {
    name: 'a handler that says that trying again is of no use is not tried again',
    async prove(bus) {
      let tries = 0;
      await bus.join(() => {
        tries += 1;
        throw bus.errors.never();
      });
      await bus.publish('a');
      await eventually(async () => expect(await bus.deadLetters()).toMatchObject([{ code: 'failed', attempts: 1 }]));
      expect(tries).toBe(1);
    },
  },
  {
    name: 'what cannot be read is one dead letter, whole, with its reason, however many groups there are; its neighbours are handled',
    async prove(bus) {
      const groups = [GROUP, 'another'];
      const records = groups.map(() => recording());
      for (const [at, group] of groups.entries()) if (records[at]) await bus.join(records[at].handle, { group });
      await bus.publish('before');
      for (const [fields] of UNREADABLE) await bus.write(fields);
      await bus.publish('after');
      for (const group of groups) await untilDone(bus, group);
      for (const { seen } of records) expect(seen).toEqual(['before', 'after']);
      const letters = await bus.deadLetters();
      expect(letters).toHaveLength(UNREADABLE.length);
      for (const [fields, code] of UNREADABLE) {
        const letter = letters.find((one) => one.fields.join('\n') === fields.join('\n'));
        expect(letter?.code).toBe(code);
        expect(letter?.reasons[0]).toMatch(/^.+: .+: expected .+/);
      }
    },
  },
  {
    name: 'an event that kills its members is dead before it kills one more; what lay beside it is handled',
    async prove(bus) {
      const { seen, handle } = recording();
      let deaths = 0;
      const deadly = (self: () => Member | undefined) => async (event: Parameters<typeof handle>[0]) => {
        if (event.subject !== 'poison') return handle(event);
        deaths += 1;
        self()?.crash();
        return new Promise<undefined>(() => undefined);
      };
      for (const subject of ['before', 'poison', 'after']) await bus.publish(subject);
      for (const death of [1, 2, 3]) {
        let member: Member | undefined;
        member = await bus.join(
          deadly(() => member),
          { silenceMs: 1000 },
        );
        await eventually(() => expect(deaths).toBe(death), { within: 20_000 });
      }
      await bus.join(
        deadly(() => undefined),
        { silenceMs: 1000 },
      );
      await untilDone(bus);
      expect(deaths).toBe(3);
      expect(await bus.deadLetters()).toMatchObject([{ code: 'delivery-limit', group: GROUP }]);
      expect(new Set(seen)).toEqual(new Set(['before', 'after']));
    },
  },
  {
    name: 'a dead letter that is tried again is handled by the group that failed, by no other, and is gone from the list',
    async prove(bus) {
      let broken = true;
      const failing = recording(() => {
        if (broken) throw bus.errors.never();
        return undefined;
      });
      const other = recording();
      await bus.join(failing.handle);
      await bus.join(other.handle, { group: 'other' });
      const key = await bus.publish('a');
      await eventually(async () => expect(await bus.deadLetters()).toHaveLength(1));
      await untilDone(bus, 'other');
      broken = false;
      for (const letter of await bus.deadLetters()) await bus.retry(letter);
      await eventually(() => expect(failing.keys).toEqual([key]));
      await untilDone(bus, 'other');
      expect(other.seen).toEqual(['a']);
      expect(await bus.deadLetters()).toEqual([]);
    },
  },
];
