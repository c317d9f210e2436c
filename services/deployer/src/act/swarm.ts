import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type Docker from 'dockerode';
import { canonical } from '../decide/canonical.js';
import { HASH_LABEL } from '../decide/swarm/stack-file.js';
import type { Task } from '../decide/swarm/tasks.js';
import type { EngineEvent } from '../engine-facts.js';
import { type Engine, ignoring } from './engine.js';
import { decodedServiceChanges, decodedTaskEvents, demultiplexed, type ServiceChange } from './engine-decode.js';

const NAMESPACE = 'com.docker.stack.namespace';
const UPDATE_TRIES = 5;
// As long as a stop may be graceful, as a rule.
const REMOVAL_TRIES = 300;
const REMOVAL_PAUSE_MS = 200;

/** A service of a stack, with what its way back needs. */
export interface SwarmService {
  readonly id: string;
  readonly service: string;
  readonly version: number;
  /** As the API takes it back. Holds what is in the environment. */
  readonly spec: Docker.ServiceSpec;
  readonly ports: readonly { readonly port: number; readonly protocol: string }[];
  /** An update has stopped halfway: there are tasks of another specification. */
  readonly paused: boolean;
}

/** The Swarm that an engine is a manager of. What changes something asks first, as the engine does. */
export class Swarm {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether the engine manages a Swarm, and of how many nodes. */
  async state(): Promise<{ readonly manages: boolean; readonly nodes: number }> {
    const { Swarm: swarm } = (await this.#engine.answered(this.#engine.docker.info())) as {
      Swarm?: { LocalNodeState?: string; ControlAvailable?: boolean; Nodes?: number };
    };
    return { manages: swarm?.LocalNodeState === 'active' && swarm.ControlAvailable === true, nodes: swarm?.Nodes ?? 0 };
  }

  /** The services of a stack. */
  async services(stack: string): Promise<readonly SwarmService[]> {
    const filters = JSON.stringify({ label: [`${NAMESPACE}=${stack}`] });
    const listed = (await this.#engine.answered(this.#engine.docker.listServices({ filters }))) as unknown as RawService[];
    return listed.map(({ ID, Version, Spec, Endpoint, UpdateStatus }) => ({
      id: ID,
      service: nameIn(stack, Spec.Name ?? ''),
      version: Version.Index,
      spec: Spec,
      ports: portsOf(Endpoint),
      paused: UpdateStatus?.State?.endsWith('paused') === true,
    }));
  }

  /** What services of other stacks publish, on every node. */
  async portsOfOthers(
    stack: string,
  ): Promise<readonly { readonly name: string; readonly port: number; readonly protocol: string }[]> {
    const listed = (await this.#engine.answered(this.#engine.docker.listServices())) as unknown as RawService[];
    return listed
      .filter(({ Spec }) => Spec.Labels?.[NAMESPACE] !== stack)
      .flatMap(({ Spec, Endpoint }) => portsOf(Endpoint).map((one) => ({ name: `service ${Spec.Name ?? '?'}`, ...one })));
  }

  /** Every task of a stack that the Swarm still knows, those that have ended included. */
  async tasks(stack: string): Promise<readonly Task[]> {
    const filters = JSON.stringify({ label: [`${NAMESPACE}=${stack}`] });
    const [services, tasks] = await Promise.all([
      this.services(stack),
      this.#engine.answered(this.#engine.docker.listTasks({ filters }) as Promise<RawTask[]>),
    ]);
    const known = new Map(services.map((one) => [one.id, one]));
    // The tasks of a service that is gone are on their way out.
    return tasks.flatMap((task) => {
      const service = known.get(task.ServiceID);
      return service === undefined ? [] : [taskOf(service, task)];
    });
  }

  /** Makes a service as it was. */
  async create(spec: Docker.ServiceSpec): Promise<void> {
    this.#engine.mayAct();
    await this.#engine.answered(this.#engine.docker.createService(spec as Docker.CreateServiceOptions));
  }

  /** Gives a service this specification; the Swarm replaces the tasks that differ from it. */
  async update(service: Pick<SwarmService, 'id' | 'version'>, spec: Docker.ServiceSpec): Promise<void> {
    const found = this.#engine.docker.getService(service.id);
    for (let tries = 1, { version } = service; ; tries += 1) {
      this.#engine.mayAct();
      try {
        await this.#engine.answered(found.update({ ...spec, version }));
        return;
      } catch (error) {
        // The Swarm itself writes down how an update goes on, and each time the service has another version.
        if (tries >= UPDATE_TRIES || !String(error).includes('out of sequence')) throw error;
        version = ((await this.#engine.answered(found.inspect())) as RawService).Version.Index;
      }
    }
  }

  /** Removes a service, where it is still there, and waits until its tasks on this node have ended: what they hold is free then. */
  async remove({ id, spec }: Pick<SwarmService, 'id' | 'spec'>): Promise<void> {
    this.#engine.mayAct();
    await ignoring([404], this.#engine.answered(this.#engine.docker.getService(id).remove()));
    const filters = { label: [`com.docker.swarm.service.name=${spec.Name ?? ''}`] };
    for (let tries = 0; tries < REMOVAL_TRIES; tries += 1) {
      if ((await this.#engine.answered(this.#engine.docker.listContainers({ filters }))).length === 0) return;
      await wait(REMOVAL_PAUSE_MS);
    }
  }

  /** The last lines of a task, from whichever node it runs on. */
  async lastLines(taskId: string, count: number): Promise<readonly string[]> {
    try {
      // dockerode has no types for it.
      const task = this.#engine.docker.getTask(taskId) as unknown as { logs(options: object): Promise<Readable | Buffer> };
      const raw = await task.logs({ stdout: true, stderr: true, tail: count, follow: false });
      const parts: Buffer[] = [];
      if (Buffer.isBuffer(raw)) parts.push(raw);
      else for await (const part of raw) parts.push(Buffer.from(part as Buffer));
      return demultiplexed(Buffer.concat(parts))
        .split('\n')
        .filter((line) => line.trim() !== '');
    } catch {
      return [];
    }
  }

  /** What somebody does to services; what the Swarm writes down of its own progress is left out. */
  async changes(signal: AbortSignal): Promise<AsyncIterable<ServiceChange>> {
    const filters = { type: ['service' as const], event: ['create', 'update', 'remove'] };
    return decodedServiceChanges((await this.#engine.docker.getEvents({ filters, abortSignal: signal })) as Readable);
  }

  /** Something happened to a task of the stack on this node; the tasks say what. Ends with the connection or the signal. */
  async events(stack: string, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const event = ['start', 'die', 'oom', 'kill', 'destroy', 'health_status'];
    const filters = { type: ['container' as const], label: [`${NAMESPACE}=${stack}`], event };
    return decodedTaskEvents((await this.#engine.docker.getEvents({ filters, abortSignal: signal })) as Readable);
  }
}

interface RawService {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: Docker.ServiceSpec;
  readonly UpdateStatus?: { readonly State?: string };
  readonly Endpoint?: { readonly Ports?: readonly { readonly PublishedPort?: number; readonly Protocol?: string }[] };
}

interface RawTask {
  readonly ID: string;
  readonly ServiceID: string;
  readonly Slot?: number;
  readonly CreatedAt: string;
  readonly DesiredState: string;
  readonly Spec: {
    readonly ContainerSpec?: {
      readonly Image?: string;
      readonly Labels?: Readonly<Record<string, string>>;
      readonly Healthcheck?: { readonly Test?: readonly string[] };
    };
  };
  readonly NetworksAttachments?: readonly { readonly Addresses?: readonly string[] }[];
  readonly Status: {
    readonly State: string;
    readonly Timestamp: string;
    readonly Err?: string;
    readonly ContainerStatus?: { readonly ExitCode?: number };
  };
}

function taskOf(
  { service, spec }: SwarmService,
  { ID, Slot = 0, CreatedAt, DesiredState, Spec, Status, NetworksAttachments }: RawTask,
): Task {
  const { Image = '', Labels = {}, Healthcheck } = Spec.ContainerSpec ?? {};
  return {
    id: ID,
    service,
    slot: Slot,
    createdAt: CreatedAt,
    image: Image,
    configHash: Labels[HASH_LABEL] ?? '',
    isCurrent: isMadeOf(Spec, spec.TaskTemplate),
    specHash: specHashOf(spec),
    addresses: (NetworksAttachments ?? []).flatMap(({ Addresses }) => (Addresses ?? []).map((one) => one.replace(/\/\d+$/, ''))),
    state: Status.State,
    desired: DesiredState,
    since: Math.max(Date.parse(Status.Timestamp), 0),
    exitCode: Status.ContainerStatus?.ExitCode ?? 0,
    error: Status.Err ?? '',
    healthcheck: (Healthcheck?.Test ?? []).length > 0 && Healthcheck?.Test?.[0] !== 'NONE',
  };
}

// What a task is made of. A task is a copy of its service's template, but for what says how the template is to be read.
const MADE_OF = ['ContainerSpec', 'Resources', 'RestartPolicy', 'Placement', 'LogDriver', 'Networks', 'ForceUpdate'];

function isMadeOf(task: object, template: object | undefined): boolean {
  const parts = (from: object) => canonical(Object.fromEntries(Object.entries(from).filter(([key]) => MADE_OF.includes(key))));
  return parts(task) === parts(template ?? {});
}

/** The hash of everything that a service is told to be; how often it was restarted is none of it. */
export function specHashOf({ TaskTemplate, Mode, EndpointSpec }: Docker.ServiceSpec): string {
  const { ForceUpdate: _times, ...template } = (TaskTemplate ?? {}) as { ForceUpdate?: number };
  return createHash('sha256').update(canonical({ template, Mode, EndpointSpec })).digest('hex');
}

function nameIn(stack: string, name: string): string {
  return name.startsWith(`${stack}_`) ? name.slice(stack.length + 1) : name;
}

function portsOf(endpoint: RawService['Endpoint']): { port: number; protocol: string }[] {
  return (endpoint?.Ports ?? []).flatMap(({ PublishedPort, Protocol = 'tcp' }) =>
    PublishedPort === undefined ? [] : [{ port: PublishedPort, protocol: Protocol }],
  );
}
