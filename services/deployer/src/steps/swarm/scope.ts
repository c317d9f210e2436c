import { currentTasks, type Task } from '../../decide/swarm/tasks.js';
import type { ServicePlan } from '../../deployment-types.js';
import { planOf, type Run } from '../step.js';

/** Ids of the tasks that were there before the change and say nothing of the new version. */
export function tasksBefore(tasks: readonly Task[], services: readonly ServicePlan[]): readonly string[] {
  const kept = new Set(services.filter(({ change }) => change === 'keep').map(({ service }) => service));
  const current = new Set(currentTasks(tasks).map(({ id }) => id));
  const deployed = new Set(services.map(({ service }) => service));
  return tasks
    .filter(({ id, service, state }) => {
      if (!deployed.has(service)) return true;
      return !(kept.has(service) && current.has(id) && state !== 'failed');
    })
    .map(({ id }) => id);
}

/** Whether a task is of the version that is deployed. The Swarm may start one of the version before at any time, until it is told. */
export function isNewVersion(run: Run): (task: Task) => boolean {
  const before = new Set(run.deployment.facts.tasks_before ?? []);
  const planned = new Map(planOf(run).services.map((one) => [one.service, one]));
  return (task) => {
    if (before.has(task.id)) return false;
    const one = planned.get(task.service);
    if (one === undefined || one.change === 'remove' || one.change === 'keep' || one.change === 'restart') return true;
    return task.image === one.pinned && task.configHash === one.configHash;
  };
}
