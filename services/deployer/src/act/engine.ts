import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import Docker, { type DockerOptions } from 'dockerode';
import type { ContainerChange } from '../decide/out-of-band.js';
import type { ContainerFacts, EngineEvent, ImageFacts } from '../engine-facts.js';
import { containerFacts, decoded, decodedChanges, demultiplexed } from './engine-decode.js';
import { lastWholeLines } from './last-lines.js';

const PROJECT = 'com.docker.compose.project';
const STACK = 'com.docker.stack.namespace';
const ANSWER_MS = 15_000;
const START_MS = 60_000;
const REMOVAL_TRIES = 100;
const REMOVAL_PAUSE_MS = 100;
// As long as a stop may be graceful.
const STOP_MS = 900_000;
const LOG_BYTES = 1_000_000;

/** The engine's API. What changes something first asks `mayAct`, which throws where the project is no longer ours. */
export class Engine {
  readonly docker: Docker;
  readonly address: DockerOptions;
  /** Throws where the project is no longer ours. */
  readonly mayAct: () => void;

  constructor(address: DockerOptions, mayAct: () => void = () => undefined) {
    this.address = address;
    this.docker = new Docker(address);
    this.mayAct = mayAct;
  }

  /** The same engine for one holder of a lease. */
  guarded(mayAct: () => void): Engine {
    return new Engine(this.address, mayAct);
  }

  /** Gives up a call after a while, as one to an engine that is away. */
  async answered<T>(asked: Promise<T>, withinMs = ANSWER_MS): Promise<T> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), withinMs);
    try {
      return await Promise.race([
        asked,
        new Promise<never>((_resolve, reject) =>
          late.signal.addEventListener('abort', () => reject(new Error('The operation was aborted due to timeout'))),
        ),
      ]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Rejects where it does not answer. */
  async info(): Promise<{ rootFolder: string; memory: number; cpus: number }> {
    const { DockerRootDir, MemTotal, NCPU } = (await this.answered(this.docker.info())) as {
      DockerRootDir: string;
      MemTotal: number;
      NCPU: number;
    };
    return { rootFolder: DockerRootDir, memory: MemTotal, cpus: NCPU };
  }

  /** Rejects where it takes no new connection: an engine that is shutting down still answers on those it has. */
  async answers(): Promise<void> {
    const anew = { ...this.address, agent: new Agent({ keepAlive: false }) };
    await this.answered(new Docker(anew).ping());
  }

  /** Every container of a project, stopped ones included; one-off runs are left out. */
  async containers(project: string): Promise<readonly ContainerFacts[]> {
    const filters = { label: [`${PROJECT}=${project}`, 'com.docker.compose.oneoff=False'] };
    const listed = await this.docker.listContainers({ all: true, filters, abortSignal: AbortSignal.timeout(ANSWER_MS) });
    const found = await Promise.all(listed.map(({ Id }) => this.container(Id)));
    return found.filter((container) => container !== undefined);
  }

  /** One container, by id or name; undefined where there is none. */
  async container(id: string): Promise<ContainerFacts | undefined> {
    const read = await absentAsUndefined(this.docker.getContainer(id).inspect({ abortSignal: AbortSignal.timeout(ANSWER_MS) }));
    return read === undefined ? undefined : containerFacts(read);
  }

  /** What every container on the engine publishes. */
  async publishedPorts(): Promise<
    readonly {
      readonly id: string;
      readonly name: string;
      readonly ip: string;
      readonly port: number;
      readonly protocol: string;
      /** Of a task of a Swarm. */
      readonly stack: string | undefined;
    }[]
  > {
    const listed = await this.docker.listContainers({ abortSignal: AbortSignal.timeout(ANSWER_MS) });
    return listed.flatMap(({ Id, Names, Ports, Labels }) =>
      Ports.filter(({ PublicPort }) => PublicPort !== undefined).map(({ IP, PublicPort, Type }) => ({
        id: Id,
        name: Names[0]?.slice(1) ?? Id.slice(0, 12),
        ip: IP ?? '0.0.0.0',
        port: PublicPort,
        protocol: Type,
        stack: Labels[STACK],
      })),
    );
  }

  async image(reference: string): Promise<ImageFacts | undefined> {
    const read = await absentAsUndefined(this.docker.getImage(reference).inspect());
    if (read === undefined) return undefined;
    const check = (read.Config as { Healthcheck?: { Test?: string[]; Interval?: number; StartPeriod?: number } } | null)
      ?.Healthcheck;
    return {
      id: read.Id,
      digests: read.RepoDigests ?? [],
      healthcheck:
        check?.Test === undefined || check.Test.length === 0 || check.Test[0] === 'NONE'
          ? null
          : { test: check.Test, intervalMs: (check.Interval || 30e9) / 1e6, startPeriodMs: (check.StartPeriod ?? 0) / 1e6 },
    };
  }

  /** Keeps an image under a name of ours, so that no prune takes it. */
  async tag(imageId: string, repository: string, tag: string): Promise<void> {
    this.mayAct();
    await this.answered(this.docker.getImage(imageId).tag({ repo: repository, tag }));
  }

  /** Takes a name away; the image goes where it was the last one. Nothing happens where it is not there or in use. */
  async untag(reference: string): Promise<void> {
    this.mayAct();
    await this.docker
      .getImage(reference)
      .remove({ noprune: false })
      .catch(() => undefined);
  }

  /** Images by a pattern of their names: each name, and the image's id. */
  async imagesNamed(pattern: string): Promise<readonly { readonly id: string; readonly name: string }[]> {
    const listed = await this.docker.listImages({ filters: { reference: [pattern] } });
    return listed.flatMap(({ Id, RepoTags }) => (RepoTags ?? []).map((name) => ({ id: Id, name })));
  }

  /** Asks it to end (SIGTERM or its own signal), waits for its own grace, then ends it. */
  async stop(id: string): Promise<void> {
    this.mayAct();
    await ignoring([304, 404], this.answered(this.docker.getContainer(id).stop(), STOP_MS));
  }

  async start(id: string): Promise<void> {
    this.mayAct();
    await ignoring([304], this.answered(this.docker.getContainer(id).start(), START_MS));
  }

  async restart(id: string): Promise<void> {
    this.mayAct();
    await this.answered(this.docker.getContainer(id).restart(), STOP_MS);
  }

  async rename(id: string, name: string): Promise<void> {
    this.mayAct();
    await this.answered(this.docker.getContainer(id).rename({ name }));
  }

  async setRestartPolicy(id: string, { name, retries }: { name: string; retries: number }): Promise<void> {
    this.mayAct();
    await this.answered(this.docker.getContainer(id).update({ RestartPolicy: { Name: name, MaximumRetryCount: retries } }));
  }

  /** Removes a container, and waits until its name is free; its named volumes stay. */
  async remove(id: string): Promise<void> {
    this.mayAct();
    await ignoring([404, 409], this.answered(this.docker.getContainer(id).remove({ force: true }), START_MS));
    // Somebody else may be removing it: until he has, it keeps its name.
    for (let tries = 0; tries < REMOVAL_TRIES && (await this.container(id)) !== undefined; tries += 1)
      await wait(REMOVAL_PAUSE_MS);
  }

  /** A program inside a running container, ready to be started. */
  async prepareExec(id: string, options: Docker.ExecCreateOptions): Promise<Docker.Exec> {
    this.mayAct();
    return this.answered(this.docker.getContainer(id).exec(options));
  }

  /** What a container was given as its environment: there are secrets in it. */
  async environment(id: string): Promise<Readonly<Record<string, string>>> {
    const { Config } = await this.docker.getContainer(id).inspect({ abortSignal: AbortSignal.timeout(ANSWER_MS) });
    return Object.fromEntries((Config.Env ?? []).map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]));
  }

  /** The last lines that a container wrote. */
  async lastLines(id: string, count: number): Promise<readonly string[]> {
    try {
      const raw = (await this.docker.getContainer(id).logs({ stdout: true, stderr: true, tail: count, follow: false })) as Buffer;
      const text = lastWholeLines(demultiplexed(Buffer.from(raw)), LOG_BYTES);
      return text.split('\n').filter((line) => line.trim() !== '');
    } catch {
      return [];
    }
  }

  /** What is done to the containers of every Compose project, as it comes. Ends as `events` does. */
  async changes(signal: AbortSignal): Promise<AsyncIterable<ContainerChange>> {
    const event = ['create', 'destroy', 'start', 'die', 'kill', 'pause', 'unpause', 'rename', 'update', 'exec_create'];
    const filters = { type: ['container' as const], label: [PROJECT], event };
    return decodedChanges((await this.docker.getEvents({ filters, abortSignal: signal })) as Readable);
  }

  /** The command of a container's health check, as the engine's events name it; null without one. */
  async healthCommand(id: string): Promise<string | null> {
    const { Config } = await this.docker.getContainer(id).inspect({ abortSignal: AbortSignal.timeout(ANSWER_MS) });
    const test = (Config as { Healthcheck?: { Test?: string[] } }).Healthcheck?.Test ?? [];
    if (test[0] === 'CMD') return test.slice(1).join(' ');
    // Run by the shell of the image, whichever that is.
    return test[0] === 'CMD-SHELL' ? test.slice(1).join(' ') : null;
  }

  /** Events of a project's containers as they come. Ends with the connection or the signal; rejects where the engine does not answer. */
  async events(project: string, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>> {
    const event = ['start', 'die', 'oom', 'kill', 'destroy', 'health_status', 'pause', 'unpause'];
    const filters = { type: ['container' as const], label: [`${PROJECT}=${project}`], event };
    return decoded((await this.docker.getEvents({ filters, abortSignal: signal })) as Readable);
  }
}

async function absentAsUndefined<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Waits for a call, whose failure with one of these statuses is none. */
export async function ignoring(statuses: readonly number[], asked: Promise<unknown>): Promise<void> {
  await asked.catch((error: unknown) => {
    if (!statuses.includes(statusOf(error))) throw error;
  });
}

function statusOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 0;
}

/** Whether the engine answered that it cannot do it now (5xx, or a conflict): a state of its own, which may pass. */
export function isEngineRefusal(error: unknown): boolean {
  return statusOf(error) >= 500 || statusOf(error) === 409;
}

/** Whether an error says that the engine is away, not that it refused. */
export function isEngineAway(error: unknown): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) {
    const code = 'code' in at ? String(at.code) : '';
    // A socket that is not there; a file that is not there is another matter.
    if (code === 'ENOENT' && 'syscall' in at && at.syscall === 'connect') return true;
    if (/^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/.test(code)) return true;
    if (/socket hang up|The operation was aborted due to timeout/.test(at.message)) return true;
    // A Swarm that has lost its leader chooses another.
    if (statusOf(at) >= 500 && /does not have a leader|rpc error: code = (?:Unavailable|DeadlineExceeded)/.test(at.message))
      return true;
  }
  return false;
}
