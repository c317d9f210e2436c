import { errorWords } from '@ops/shared/probes';
import type { Clock, Logger } from '@ops/shared/runtime';
import { dockerAddress } from '@ops/shared/runtime';
import Docker from 'dockerode';
import type { ContainerFacts, ContainerView } from '../decide/check-container.js';
import type { ContainerDirectory } from './container-directory.js';
import { type DockerEvent, readEvents } from './docker-events.js';

const ANSWER_MS = 10_000;
const RELIST_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

/**
 * What the Docker engine says of the named containers, and which there are. Kept up to date by its event stream; after each (re)connect, and every
 * minute, all of them are read again, so that a lost event costs a minute at most.
 */
export class DockerEngine {
  readonly #docker: Docker | undefined;
  readonly #watched: ReadonlySet<string>;
  readonly #directory: ContainerDirectory | null;
  readonly #views = new Map<string, ContainerView>();
  readonly #closing = new AbortController();
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #changed: (name: string) => void;
  readonly #running: Promise<void>;
  #blind = 'the Docker engine has not answered yet';

  /**
   * @param host DOCKER_HOST; undefined for the default socket, null where Docker is switched off
   * @param directory is kept up to date as well, where somebody needs it
   * @param changed called with a container's name after each event about it
   */
  constructor(options: {
    host: string | undefined | null;
    names: readonly string[];
    directory: ContainerDirectory | null;
    clock: Clock;
    log: Logger;
    changed: (name: string) => void;
  }) {
    const { host, names, directory, clock, log, changed } = options;
    this.#directory = directory;
    const address = host === null ? undefined : dockerAddress(host);
    this.#watched = new Set(names);
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
    this.#docker = address === undefined ? undefined : new Docker(address);
    if (host === null) this.#blind = 'Docker is switched off in ops.yaml';
    else if (address === undefined) this.#blind = 'DOCKER_HOST has a form that is not known: expected unix:// or tcp://';
    this.#running =
      this.#docker === undefined || (names.length === 0 && directory === null) ? Promise.resolve() : this.#follow(this.#docker);
  }

  /** What is known of a container now. */
  view(name: string): ContainerView {
    return this.#views.get(name) ?? { kind: 'blind', why: this.#blind };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #follow(docker: Docker): Promise<void> {
    const { signal } = this.#closing;
    let pause = FIRST_PAUSE_MS;
    while (!signal.aborted) {
      try {
        await this.#session(docker, () => {
          pause = FIRST_PAUSE_MS;
        });
        this.#blind = 'the Docker engine ended its event stream';
      } catch (error) {
        this.#blind = `the Docker engine cannot be asked: ${errorWords(error)}`;
      }
      this.#views.clear();
      if (signal.aborted) return;
      this.#log.debug({ why: this.#blind, pause }, 'docker events ended');
      await this.#clock.sleep(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }

  /** One connection's life: events first, so that nothing happens unseen between the reading and the listening. */
  async #session(docker: Docker, connected: () => void): Promise<void> {
    const ending = new AbortController();
    const signal = AbortSignal.any([this.#closing.signal, ending.signal]);
    let work: readonly Promise<void>[] = [];
    try {
      const events = await readEvents(docker, signal, ANSWER_MS);
      await this.#readAll(docker, signal);
      connected();
      work = [this.#take(docker, events, signal), this.#rereadEvery(docker, signal)];
      await Promise.race(work);
    } finally {
      ending.abort();
      await Promise.allSettled(work);
    }
  }

  async #take(docker: Docker, events: AsyncIterable<DockerEvent>, signal: AbortSignal): Promise<void> {
    for await (const { names, action, exitCode } of events) {
      // Not waited for: it must not hold up what the checks need.
      if (action === 'start' || action === 'rename') void this.#list(docker, signal);
      for (const name of names.filter((each) => this.#watched.has(each))) {
        if (action === 'die') this.#died(name, exitCode ?? -1);
        await this.#read(docker, name, signal);
      }
    }
  }

  // The event says it already: what the engine answers when it is asked comes some tens of milliseconds later.
  #died(name: string, exitCode: number): void {
    const known = this.#views.get(name);
    if (known?.kind !== 'found') return;
    this.#views.set(name, { kind: 'found', facts: { ...known.facts, state: 'exited', exitCode } });
    this.#changed(name);
  }

  async #rereadEvery(docker: Docker, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(RELIST_MS, signal);
      if (!signal.aborted) await this.#readAll(docker, signal);
    }
  }

  async #readAll(docker: Docker, signal: AbortSignal): Promise<void> {
    await this.#list(docker, signal);
    for (const name of this.#watched) await this.#read(docker, name, signal);
  }

  // An engine that gives no list (a filter before it, say) can still be asked for the containers that are checked.
  async #list(docker: Docker, signal: AbortSignal): Promise<void> {
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
    await this.#directory?.refresh(docker, abortSignal).catch((error: unknown) => {
      if (!signal.aborted) this.#log.debug({ error }, 'the containers could not be listed');
    });
  }

  async #read(docker: Docker, name: string, signal: AbortSignal): Promise<void> {
    const view = await inspect(docker, name, signal);
    const before = this.#views.get(name);
    this.#views.set(name, view);
    if (before === undefined || JSON.stringify(before) !== JSON.stringify(view)) this.#changed(name);
  }
}

async function inspect(docker: Docker, name: string, signal: AbortSignal): Promise<ContainerView> {
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    const { State, RestartCount } = await docker.getContainer(name).inspect({ abortSignal });
    const facts: ContainerFacts = {
      state: State.Status,
      health: healthOf(State.Health?.Status),
      restartCount: RestartCount,
      exitCode: State.ExitCode,
      oomKilled: State.OOMKilled,
      startedAt: timeOf(State.StartedAt),
    };
    return { kind: 'found', facts };
  } catch (error) {
    if (error instanceof Error && 'statusCode' in error && error.statusCode === 404) return { kind: 'absent' };
    throw error;
  }
}

// Of one that never ran it says the year 1.
function timeOf(text: string | undefined): number | null {
  const at = Date.parse(text ?? '');
  return at > 0 ? at : null;
}

function healthOf(status: string | undefined): ContainerFacts['health'] {
  return status === 'starting' || status === 'healthy' || status === 'unhealthy' ? status : null;
}
