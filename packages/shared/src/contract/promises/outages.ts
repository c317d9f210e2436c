import { expect } from 'vitest';
import { eventually } from '../../testing/index.js';
import { type ContractPromise, recording, SLOW, untilDone } from '../promise.js';

const TEXTS = Array.from({ length: 12 }, (_, index) => String(index));
const inOrder = TEXTS.map((text) => `a:${text}`);

export const outages: readonly ContractPromise[] = [
  {
    name: 'any answer may be lost: one event, one effect, in order',
    needs: ['cutNextReply'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      for (const text of TEXTS) {
        const lost = bus.faults.cutNextReply();
        await bus.publish('a', text);
        await lost;
      }
      await eventually(() => expect(seen).toHaveLength(TEXTS.length), SLOW);
      await untilDone(bus);
      expect(seen).toEqual(inOrder);
    },
  },
  {
    name: 'connections are reset again and again: everything that was accepted is handled, in order',
    needs: ['reset'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      for (const text of TEXTS) {
        await bus.publish('a', text);
        bus.faults.reset();
      }
      await eventually(() => expect(new Set(seen).size).toBe(TEXTS.length), SLOW);
      await untilDone(bus);
      expect(seen).toEqual(inOrder);
    },
  },
  {
    name: 'the network swallows everything for a while: what was published before is handled when it is back',
    needs: ['blackhole', 'heal'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      await bus.publish('a', '0');
      await eventually(() => expect(seen).toEqual(['a:0']));
      bus.faults.blackhole();
      const since = performance.now();
      await eventually(() => expect(performance.now() - since).toBeGreaterThan(3000));
      await bus.faults.heal();
      await bus.publish('a', '1');
      await eventually(() => expect(seen).toEqual(['a:0', 'a:1']), SLOW);
      await untilDone(bus);
    },
  },
  {
    name: 'a connection dies and nobody says so: it is given up, and what was given to it is handled first',
    needs: ['strand'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      await bus.publish('a', '0');
      await eventually(() => expect(seen).toEqual(['a:0']));
      bus.faults.strand();
      for (const text of TEXTS.slice(1)) await eventually(() => bus.publish('a', text), SLOW);
      await eventually(() => expect(seen).toContain(`a:${TEXTS.at(-1)}`), SLOW);
      await untilDone(bus);
      expect([...new Set(seen)]).toEqual(inOrder);
    },
  },
  {
    name: 'the server restarts: nothing that was accepted is lost, and members go on by themselves',
    needs: ['restart'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle, { concurrency: 1 });
      for (const text of TEXTS.slice(0, 6)) await bus.publish('a', text);
      await bus.faults.restart();
      for (const text of TEXTS.slice(6)) await eventually(() => bus.publish('a', text), SLOW);
      await eventually(() => expect(new Set(seen).size).toBe(TEXTS.length), SLOW);
      await untilDone(bus);
      expect([...new Set(seen)]).toEqual(inOrder);
    },
  },
  {
    name: 'the server freezes for longer than a member may be silent: everything is handled, in order, when it thaws',
    needs: ['pause', 'resume'],
    async prove(bus) {
      const silenceMs = 1000;
      const { seen, handle } = recording();
      for (const _member of [1, 2]) await bus.join(handle, { silenceMs });
      for (const text of TEXTS.slice(0, 6)) await bus.publish('a', text);
      bus.faults.pause();
      const since = performance.now();
      await eventually(() => expect(performance.now() - since).toBeGreaterThan(2 * silenceMs));
      bus.faults.resume();
      for (const text of TEXTS.slice(6)) await eventually(() => bus.publish('a', text), SLOW);
      await eventually(() => expect(new Set(seen).size).toBe(TEXTS.length), SLOW);
      await untilDone(bus);
      expect([...new Set(seen)]).toEqual(inOrder);
    },
  },
  {
    name: 'full: nothing is lost, and nothing is acknowledged without its dead letter or its outputs',
    needs: ['fill', 'makeRoom'],
    async prove(bus) {
      let handled = 0;
      // The group is there: a full server makes none.
      await (await bus.join(() => undefined)).leave();
      await bus.publish('a');
      await bus.write(['event', '{']);
      await bus.faults.fill();
      await bus.join(() => {
        handled += 1;
        return { outputs: ['out'] };
      });
      await eventually(async () => expect([handled > 0, await bus.pending()]).toEqual([true, 2]));
      expect(await bus.deadLetters()).toEqual([]);
      await expect(bus.publish('refused')).rejects.toThrow();
      await bus.faults.makeRoom();
      await untilDone(bus);
      expect(await bus.deadLetters()).toMatchObject([{ code: 'not-json' }]);
      expect(new Set((await bus.outputs()).map(({ id }) => id)).size).toBe(1);
    },
  },
  {
    name: 'the server forgets everything: the group is made again, and nothing that is published then is missed',
    needs: ['forget'],
    async prove(bus) {
      const { seen, handle } = recording();
      await bus.join(handle);
      await bus.publish('a');
      await eventually(() => expect(seen).toEqual(['a']));
      await bus.faults.forget();
      for (const subject of ['b', 'c']) await bus.publish(subject);
      await eventually(() => expect(seen).toEqual(['a', 'b', 'c']), SLOW);
    },
  },
];
