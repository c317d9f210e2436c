import { expect } from 'vitest';
import { eventually } from '../../testing/index.js';
import { type ContractPromise, gate, recording, untilDone } from '../promise.js';

const of = (subject: string, seen: readonly string[]) => seen.filter((one) => one.startsWith(`${subject}:`));

export const order: readonly ContractPromise[] = [
  {
    name: 'in order per subject: while one is tried again its later ones wait, other subjects go on',
    async prove(bus) {
      const failing = gate();
      let tries = 0;
      const { seen, handle } = recording(async ({ subject, text }) => {
        if (subject !== 'a' || text !== '1') return undefined;
        tries += 1;
        if (tries === 1) {
          await failing.passed;
          throw new Error('not yet');
        }
        return undefined;
      });
      await bus.join(handle);
      for (const text of ['1', '2', '3']) await bus.publish('a', text);
      await bus.publish('b', '1');
      await eventually(() => expect(seen).toEqual(['b:1']));
      failing.open();
      await untilDone(bus);
      expect(of('a', seen)).toEqual(['a:1', 'a:2', 'a:3']);
      expect(tries).toBe(2);
    },
  },
  {
    name: 'a handler that waits for an absent server holds up only its own subject, for as long as it takes',
    async prove(bus) {
      let tries = 0;
      let back = false;
      const { seen, handle } = recording(({ subject }) => {
        if (subject !== 'a' || back) return undefined;
        tries += 1;
        throw bus.errors.away();
      });
      await bus.join(handle);
      for (const text of ['1', '2']) await bus.publish('a', text);
      for (const text of ['1', '2']) await bus.publish('b', text);
      // More often than a failing handler is tried.
      await eventually(() => expect(tries).toBeGreaterThan(3), { within: 30_000 });
      expect(seen).toEqual(['b:1', 'b:2']);
      back = true;
      await eventually(() => expect(of('a', seen)).toEqual(['a:1', 'a:2']));
      expect(await bus.deadLetters()).toEqual([]);
    },
  },
  {
    name: 'a dead member’s entries are finished by another, before anything newer of the same subject',
    async prove(bus) {
      const silenceMs = 1000;
      const begun: string[] = [];
      const dying = await bus.join(
        async ({ text }) => {
          begun.push(text);
          await gate().passed;
          return undefined;
        },
        { silenceMs },
      );
      for (const text of ['1', '2', '3']) await bus.publish('a', text);
      await eventually(async () => expect([begun, await bus.pending()]).toEqual([['1'], 3]));
      const { seen, handle } = recording();
      await bus.join(handle, { silenceMs });
      dying.crash();
      for (const text of ['4', '5']) await bus.publish('a', text);
      await eventually(() => expect(seen).toHaveLength(5), { within: 20_000 });
      expect(seen).toEqual(['a:1', 'a:2', 'a:3', 'a:4', 'a:5']);
      await untilDone(bus);
    },
  },
  {
    name: 'an orderly leave lets what runs finish, and gives the rest back at once, in order',
    async prove(bus) {
      const held = gate();
      const first: string[] = [];
      // Nobody would take over from a silent member in the time that this test has.
      const silenceMs = 600_000;
      const leaving = await bus.join(
        async ({ text }) => {
          first.push(text);
          await held.passed;
          return { outputs: [text] };
        },
        { silenceMs },
      );
      for (const text of ['1', '2', '3']) await bus.publish('a', text);
      await eventually(async () => expect([first, await bus.pending()]).toEqual([['1'], 3]));
      const left = leaving.leave();
      held.open();
      await left;
      expect(first).toEqual(['1']);
      const { seen, handle } = recording();
      await bus.join(handle, { silenceMs });
      await bus.publish('a', '4');
      await eventually(() => expect(seen).toEqual(['a:2', 'a:3', 'a:4']));
      expect(await bus.outputs()).toHaveLength(1);
    },
  },
  {
    name: 'an orderly restart keeps the order also where the first of a subject waits for a server',
    async prove(bus) {
      const leaving = await bus.join(() => {
        throw bus.errors.away();
      });
      for (const text of ['1', '2', '3']) await bus.publish('a', text);
      await eventually(async () => expect(await bus.pending()).toBe(3));
      await leaving.leave();
      const { seen, handle } = recording();
      await bus.join(handle);
      await bus.publish('a', '4');
      await eventually(() => expect(seen).toEqual(['a:1', 'a:2', 'a:3', 'a:4']));
      expect(await bus.deadLetters()).toEqual([]);
    },
  },
];
