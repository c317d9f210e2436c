import { containerOf, currentTasks, endedTasks, type Task } from '../decide/swarm/tasks.js';
import type { Engine } from './engine.js';
import type { LookoutSource } from './lookout.js';
import { Swarm } from './swarm.js';

/** The tasks of a stack as a lookout sees them. `isSeen` leaves out those of another version; a service whose
 * specification has another hash than `specHashes` says was changed by somebody. */
export function swarmSource(
  engine: Engine,
  {
    isSeen = () => true,
    specHashes = {},
  }: { isSeen?: (task: Task) => boolean; specHashes?: Readonly<Record<string, string>> } = {},
): LookoutSource {
  const swarm = new Swarm(engine);
  // An image that is named by its id or digest never becomes another.
  const ids = new Map<string, string>();
  const imageId = async (reference: string): Promise<string> => {
    if (reference.startsWith('sha256:')) return reference;
    const known = ids.get(reference) ?? (await engine.image(reference))?.id ?? '';
    if (reference.includes('@')) ids.set(reference, known);
    return known;
  };
  return {
    async look(stack) {
      const tasks = (await swarm.tasks(stack)).filter(isSeen);
      const containers = await Promise.all(
        currentTasks(tasks).map(async (task) => {
          const container = containerOf(task, await imageId(task.image));
          // Its own label would go on to say what it was made of, whatever somebody has told the service since.
          const strange = specHashes[task.service] !== undefined && specHashes[task.service] !== task.specHash;
          return strange ? { ...container, configHash: 'changed by somebody' } : container;
        }),
      );
      return { containers, ended: endedTasks(tasks) };
    },
    answers: () => engine.answers(),
    events: (stack, signal) => swarm.events(stack, signal),
    lastLines: (id, count) => swarm.lastLines(id, count),
  };
}
