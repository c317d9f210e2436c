import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { ContainerChange } from '../decide/out-of-band.js';
import type { ContainerFacts, EngineEvent } from '../engine-facts.js';

const SERVICE = 'com.docker.compose.service';
const HASH = 'com.docker.compose.config-hash';
const FOLDER = 'com.docker.compose.project.working_dir';

type Inspection = Awaited<ReturnType<Docker.Container['inspect']>>;

/** What the deployer wants to know of an inspected container. */
export function containerFacts({
  Id,
  Name,
  Image,
  Config,
  State,
  RestartCount,
  HostConfig,
  Mounts,
  NetworkSettings,
}: Inspection): ContainerFacts {
  const health = State.Health?.Status;
  const started = Date.parse(State.StartedAt);
  return {
    id: Id,
    name: Name.replace(/^\//, ''),
    service: Config.Labels[SERVICE] ?? '',
    imageId: Image,
    configHash: Config.Labels[HASH] ?? '',
    status: State.Status,
    running: State.Running && !State.Restarting && !State.Paused,
    health: health === 'starting' || health === 'healthy' || health === 'unhealthy' ? health : 'none',
    failingStreak: State.Health?.FailingStreak ?? 0,
    exitCode: State.ExitCode,
    oomKilled: State.OOMKilled,
    restartCount: RestartCount,
    startedAt: Math.max(started, 0),
    restartPolicy: {
      name: HostConfig.RestartPolicy?.Name || 'no',
      retries: HostConfig.RestartPolicy?.MaximumRetryCount ?? 0,
    },
    anonymousVolumes: Mounts.flatMap(({ Type, Name: volume }) =>
      Type === 'volume' && volume !== undefined && /^[0-9a-f]{64}$/.test(volume) ? [volume] : [],
    ),
    addresses: Object.values(NetworkSettings.Networks ?? {}).flatMap(({ IPAddress }) => (IPAddress ? [IPAddress] : [])),
    ports: Object.entries(NetworkSettings.Ports ?? {}).flatMap(([inside, bindings]) =>
      ((bindings ?? []) as { HostIp: string; HostPort: string }[]).map(({ HostIp, HostPort }) => ({
        ip: HostIp,
        port: Number(HostPort),
        protocol: inside.split('/')[1] ?? 'tcp',
      })),
    ),
  };
}

/** What is done to containers. */
export function decodedChanges(stream: Readable): AsyncGenerator<ContainerChange> {
  return decodedLines(stream, ({ Action, Actor, timeNano }) => ({
    id: Actor.ID,
    name: Actor.Attributes.name ?? '',
    folder: Actor.Attributes[FOLDER] ?? '',
    service: Actor.Attributes[SERVICE] ?? '',
    action: Action,
    at: Math.round(timeNano / 1e6),
  }));
}

interface RawEvent {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}

/** What happens to the containers of one project. */
export function decoded(stream: Readable): AsyncGenerator<EngineEvent> {
  return decodedLines(stream, ({ Action, Actor, timeNano }) => ({
    action: Action,
    id: Actor.ID,
    service: Actor.Attributes[SERVICE] ?? '',
    exitCode: Actor.Attributes.exitCode,
    at: Math.round(timeNano / 1e6),
  }));
}

/** A change to a service of a Swarm. */
export interface ServiceChange {
  readonly id: string;
  readonly name: string;
  readonly done: string;
  /** Epoch ms. */
  readonly at: number;
}

const DONE: Readonly<Record<string, string>> = { create: 'created', update: 'changed', remove: 'removed' };

/** What is done to the services of a Swarm. */
export async function* decodedServiceChanges(stream: Readable): AsyncGenerator<ServiceChange> {
  const read = (event: RawEvent) => event;
  for await (const { Action, Actor, timeNano } of decodedLines(stream, read)) {
    // Of an update that goes on, or has come to its end.
    if (Object.keys(Actor.Attributes).some((key) => key.startsWith('updatestate.'))) continue;
    const { name = '' } = Actor.Attributes;
    yield { id: Actor.ID, name, done: DONE[Action] ?? Action, at: Math.round(timeNano / 1e6) };
  }
}

/** What happens to the tasks of one stack on this node. How a task ends is said by the Swarm, once it knows. */
export function decodedTaskEvents(stream: Readable): AsyncGenerator<EngineEvent> {
  return decodedLines(stream, ({ Action, Actor, timeNano }) => ({
    action: `task ${Action}`,
    id: Actor.Attributes['com.docker.swarm.task.id'] ?? '',
    service: Actor.Attributes['com.docker.swarm.service.name'] ?? '',
    exitCode: Actor.Attributes.exitCode,
    at: Math.round(timeNano / 1e6),
  }));
}

async function* decodedLines<T>(stream: Readable, read: (event: RawEvent) => T): AsyncGenerator<T> {
  let rest = '';
  for await (const part of stream.setEncoding('utf8') as AsyncIterable<string>) {
    const lines = (rest + part).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      yield read(JSON.parse(line) as RawEvent);
    }
  }
}

/** The text of a log. Without a terminal stdout, stderr and the engine's own errors come in frames: 8 bytes (stream, 0, 0, 0, length), then the text. */
export function demultiplexed(raw: Buffer): string {
  const parts: string[] = [];
  let at = 0;
  while (at + 8 <= raw.length && raw.readUInt8(at) <= 3 && raw.readUIntBE(at + 1, 3) === 0) {
    const length = raw.readUInt32BE(at + 4);
    parts.push(raw.subarray(at + 8, at + 8 + length).toString('utf8'));
    at += 8 + length;
  }
  return at === 0 ? raw.toString('utf8') : parts.join('');
}
