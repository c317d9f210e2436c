import { expect } from 'vitest';
import { eventually } from '../../testing/index.js';
import { type ContractPromise, recording, SLOW, untilDone } from '../promise.js';
import { GROUP } from '../transport.js';

export const bringingBack: readonly ContractPromise[] = [
  {
    name: 'replay into a group: only that group, only what was asked for',
    async prove(bus) {
      const one = recording();
      const other = recording();
      await bus.join(one.handle);
      await bus.join(other.handle, { group: 'other' });
      for (const text of ['1', '2']) for (const subject of ['a', 'b']) await bus.publish(subject, text);
      for (const group of [GROUP, 'other']) await untilDone(bus, group);
      await bus.replay(GROUP, 'a');
      await eventually(() => expect(one.seen).toHaveLength(6));
      for (const group of [GROUP, 'other']) await untilDone(bus, group);
      expect(one.seen.slice(4)).toEqual(['a:1', 'a:2']);
      expect(other.seen).toHaveLength(4);
    },
  },
  {
    name: 'a deferred event comes back to the group that deferred it, as often as it does so, and to no other',
    async prove(bus) {
      let times = 0;
      const deferring = recording(({ subject }) => {
        if (subject !== 'later' || times === 2) return undefined;
        times += 1;
        throw bus.errors.later(200);
      });
      const other = recording();
      await bus.join(deferring.handle);
      await bus.join(other.handle, { group: 'other' });
      const key = await bus.publish('later');
      await bus.publish('now');
      await eventually(() => expect(deferring.seen).toEqual(['now', 'later']), SLOW);
      for (const group of [GROUP, 'other']) await untilDone(bus, group);
      expect(times).toBe(2);
      expect(deferring.keys[1]).toBe(key);
      expect(other.seen.toSorted()).toEqual(['later', 'now']);
      expect(await bus.deadLetters()).toEqual([]);
    },
  },
  {
    name: 'a deferred event outlives its member, and one that cannot be put off stays pending',
    needs: ['fill', 'makeRoom'],
    async prove(bus) {
      let deferred = 0;
      const member = await bus.join(async () => {
        deferred += 1;
        await bus.faults.fill();
        throw bus.errors.later(500);
      });
      const key = await bus.publish('a');
      await eventually(() => expect(deferred).toBe(1));
      expect(await bus.pending()).toBe(1);
      await bus.faults.makeRoom();
      await untilDone(bus);
      await member.leave();
      const { keys, handle } = recording();
      await bus.join(handle);
      await eventually(() => expect(keys).toEqual([key]), SLOW);
      expect(deferred).toBe(1);
    },
  },
];
