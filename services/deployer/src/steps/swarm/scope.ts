import { hasEnded, type Task } from '../../decide/swarm/tasks.js';
import type { Run } from '../step.js';

/** Ids of the tasks that have ended by now: what comes does not concern them. */
export function endedIds(tasks: readonly Task[]): readonly string[] {
  return tasks.filter(hasEnded).map(({ id }) => id);
}

/**
 * Whether a task is of the version that is deployed: made of what its service is told to be now. The Swarm may still start one of the
 * version before until it is told, and replaces them one by one.
 */
export function isNewVersion({ deployment }: Run): (task: Task) => boolean {
  const ended = new Set(deployment.facts.tasks_before ?? []);
  return ({ id, isCurrent }) => isCurrent && !ended.has(id);
}

/** The same of the version before, once its services are told to be what they were. */
export function isOldVersion({ deployment }: Run): (task: Task) => boolean {
  const ended = new Set(deployment.facts.tasks_given_up ?? []);
  return ({ id, isCurrent }) => isCurrent && !ended.has(id);
}
