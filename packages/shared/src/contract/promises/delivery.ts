import { expect } from 'vitest';
import { eventually } from '../../testing/index.js';
import { type ContractPromise, gate, recording, untilDone } from '../promise.js';

const SUBJECTS = Array.from({ length: 20 }, (_, index) => `s${index}`);

export const delivery: readonly ContractPromise[] = [
  {
    name: 'at least once: what was accepted is handled by every group, also by one that comes later',
    async prove(bus) {
      const early = recording();
      await bus.join(early.handle);
      for (const subject of SUBJECTS) await bus.publish(subject);
      const late = recording();
      await bus.join(late.handle, { group: 'late' });
      await eventually(() => expect([early.seen, late.seen].map((seen) => new Set(seen).size)).toEqual([20, 20]));
    },
  },
  {
    name: 'one member of a group handles an event, and the others do not, however long that takes',
    async prove(bus) {
      const held = gate();
      const silenceMs = 1000;
      const { seen, handle } = recording(() => held.passed.then(() => undefined));
      const begun: string[] = [];
      for (const _member of [1, 2, 3]) {
        await bus.join(
          (event) => {
            begun.push(event.subject);
            return handle(event);
          },
          { silenceMs, concurrency: 2 },
        );
      }
      await bus.publish('slow');
      await eventually(() => expect(begun).toEqual(['slow']));
      const since = performance.now();
      await eventually(() => expect(performance.now() - since).toBeGreaterThan(3 * silenceMs));
      held.open();
      for (const subject of SUBJECTS) await bus.publish(subject);
      await eventually(() => expect(seen).toHaveLength(21));
      await untilDone(bus);
      expect(begun.toSorted()).toEqual(['slow', ...SUBJECTS].toSorted());
    },
  },
  {
    name: 'outputs are published before the input is acknowledged',
    async prove(bus) {
      const { handle } = recording(() => ({ outputs: ['first', 'second'] }));
      await bus.join(handle);
      const cause = await bus.publish('a');
      await untilDone(bus);
      // Not `eventually`: what is acknowledged has its outputs.
      const outputs = await bus.outputs();
      expect(outputs.map(({ subject }) => subject)).toEqual(['first', 'second']);
      for (const output of outputs) expect(output.cause).toBe(cause);
    },
  },
  {
    name: 'a member that dies between publishing and acknowledging: it is handled again, and its outputs have the same ids',
    async prove(bus) {
      const answer = () => ({ outputs: ['out'] });
      const first = recording(answer);
      await bus.join(first.handle, { silenceMs: 1000, diesBeforeAcknowledging: true });
      await bus.publish('a');
      await eventually(async () => expect(await bus.outputs()).toHaveLength(1));
      expect(await bus.pending()).toBe(1);
      const second = recording(answer);
      await bus.join(second.handle, { silenceMs: 1000 });
      await untilDone(bus);
      expect(second.keys).toEqual(first.keys);
      const outputs = await bus.outputs();
      expect(outputs).toHaveLength(2);
      expect(new Set(outputs.map(({ id }) => id)).size).toBe(1);
    },
  },
  {
    name: 'a repeat of the same source and id has no second effect',
    async prove(bus) {
      const { seen, handle } = recording(() => ({ outputs: ['out'] }));
      const member = await bus.join(handle);
      await bus.publish('a');
      await untilDone(bus);
      await bus.repeatLast();
      await untilDone(bus);
      await member.leave();
      // Nor for a member that has not seen the first one.
      await bus.join(handle);
      await bus.repeatLast();
      await bus.publish('b');
      await eventually(() => expect(seen).toContain('b'));
      await untilDone(bus);
      expect(seen).toEqual(['a', 'b']);
      expect(await bus.outputs()).toHaveLength(2);
    },
  },
  {
    name: 'an event that the group has no handler for is passed over',
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      await bus.publishOther();
      await bus.publish('a');
      await eventually(() => expect(seen).toEqual(['a']));
      await untilDone(bus);
      expect(await bus.deadLetters()).toEqual([]);
    },
  },
];
