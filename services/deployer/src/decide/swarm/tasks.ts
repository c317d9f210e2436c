import type { ContainerFacts } from '../../engine-facts.js';

/** A task of a Swarm, as its manager tells of it. */
export interface Task {
  readonly id: string;
  /** Its service's name in the Compose file. */
  readonly service: string;
  /** Which of the replicas it is. */
  readonly slot: number;
  readonly createdAt: string;
  /** What its container is made of: an image id, or a reference; and our hash of the rest, where we made it. */
  readonly image: string;
  readonly configHash: string;
  /** Whether it is made of what its service is told to be now. */
  readonly isCurrent: boolean;
  /** The hash of its service's specification, as that is now. */
  readonly specHash: string;
  /** Its own addresses in the networks of the Swarm. */
  readonly addresses: readonly string[];
  /** new, pending ... starting, running, complete, failed, rejected, shutdown, orphaned. */
  readonly state: string;
  readonly desired: string;
  readonly since: number;
  readonly exitCode: number;
  readonly error: string;
  readonly healthcheck: boolean;
}

/** Whether a task has come to its end. */
export function hasEnded({ state }: Pick<Task, 'state'>): boolean {
  return ENDED.has(state) || state === 'shutdown';
}

const ENDED: ReadonlySet<string> = new Set(['complete', 'failed', 'rejected', 'orphaned']);

/** The newest task of each replica, but for those that were told to go: what runs, or is about to, or has ended for good. */
export function currentTasks(tasks: readonly Task[]): readonly Task[] {
  return tasks.filter((task) => {
    if (task.desired === 'remove') return false;
    if (task.desired === 'shutdown' && !ENDED.has(task.state)) return false;
    return !tasks.some((other) => isSameReplica(other, task) && isNewer(other, task));
  });
}

/** Tasks that ended though nobody told them to; a Swarm puts another in their place, and says nothing. */
export function endedTasks(
  tasks: readonly Task[],
): readonly { readonly id: string; readonly service: string; readonly how: string }[] {
  return tasks
    .filter(({ state }) => ENDED.has(state))
    .map(({ id, service, state, error, exitCode }) => ({
      id,
      service,
      how: error === '' ? `${state}, exit code ${exitCode}` : error,
    }));
}

/** A task in the words of a container. A Swarm calls a task running once its health check has passed, and ends it when it fails. */
export function containerOf(task: Task, imageId: string): ContainerFacts {
  const { id, service, slot, configHash, specHash, addresses, state, error, exitCode, since, healthcheck } = task;
  const running = state === 'running';
  return {
    id,
    name: `${service}.${slot}`,
    service,
    imageId,
    configHash,
    specHash,
    status: running ? 'running' : ENDED.has(state) ? 'exited' : error === '' ? state : `${state}: ${error}`,
    running,
    health: !healthcheck ? 'none' : running ? 'healthy' : 'starting',
    failingStreak: 0,
    exitCode,
    oomKilled: false,
    restartCount: 0,
    startedAt: since,
    restartPolicy: { name: 'no', retries: 0 },
    anonymousVolumes: [],
    addresses,
    ports: [],
  };
}

function isSameReplica(a: Task, b: Task): boolean {
  return a.service === b.service && a.slot === b.slot;
}

function isNewer(a: Task, b: Task): boolean {
  return a.createdAt === b.createdAt ? a.id > b.id : a.createdAt > b.createdAt;
}
