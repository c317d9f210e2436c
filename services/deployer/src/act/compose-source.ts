import { isSetAside } from '../decide/set-aside.js';
import type { EngineEvent } from '../engine-facts.js';
import type { Engine } from './engine.js';
import type { LookoutSource } from './lookout.js';

/** The containers of a Compose project as a lookout sees them, without what is set aside, and without `hidden`, by their ids. */
export function composeSource(engine: Engine, hidden: ReadonlySet<string> = new Set()): LookoutSource {
  return {
    async look(project) {
      const containers = await engine.containers(project);
      // A container that has ended stays, and shows its restarts: there is nothing else that ended.
      return { containers: containers.filter((one) => !hidden.has(one.id) && !isSetAside(one)), ended: [] };
    },
    answers: () => engine.answers(),
    async events(project, signal) {
      return without(await engine.events(project, signal), hidden);
    },
    lastLines: (id, count) => engine.lastLines(id, count),
  };
}

async function* without(events: AsyncIterable<EngineEvent>, hidden: ReadonlySet<string>): AsyncGenerator<EngineEvent> {
  for await (const event of events) if (!hidden.has(event.id)) yield event;
}
