import type { Clock, Logger } from '@ops/shared/runtime';
import type { ProbeFacts, Sight } from '../decide/health.js';
import type { ContainerFacts, EngineEvent } from '../engine-facts.js';

/** The checks of the inventory, asked again and again. */
export interface Prober {
  /** The newest answer; null before the first, undefined for a service without a check. */
  answer(service: string): ProbeFacts | null | undefined;
  /** Calls back at every answer. */
  onAnswer(nudge: () => void): void;
  close(): Promise<void>;
}

/** What there is of a project, and how to hear of it. */
export interface LookoutSource {
  /**
   * All containers, those that have ended included, and what ended and was replaced: there is nothing left to see of it.
   * Rejects where the engine does not answer.
   */
  look(project: string): Promise<{
    readonly containers: readonly ContainerFacts[];
    readonly ended: readonly { readonly id: string; readonly service: string; readonly how: string }[];
  }>;
  /** Rejects where the engine takes no new connection. */
  answers(): Promise<void>;
  /** Ends with the connection or the signal; rejects where the engine does not answer. */
  events(project: string, signal: AbortSignal): Promise<AsyncIterable<EngineEvent>>;
  /** Empty where there are none to be had. */
  lastLines(id: string, count: number): Promise<readonly string[]>;
}

export interface LookoutOptions {
  readonly source: LookoutSource;
  readonly project: string;
  readonly services: readonly string[];
  /** Those whose process may not end. */
  readonly mustRun: readonly string[];
  readonly prober: Prober;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const AGAIN_MS = 250;

/**
 * Looks at the services of a project: at once when the engine says that something happened (a process that ends is known within
 * 100 ms), else every now and then. While the engine is away there is nothing to see, and a look waits.
 */
export class Lookout {
  readonly #options: LookoutOptions;
  readonly #closing = new AbortController();
  readonly #ended = new Map<string, string[]>();
  #listening: Promise<void>;
  #last: Awaited<ReturnType<LookoutSource['look']>> = { containers: [], ended: [] };
  #onEnd: () => void = () => undefined;
  #nudged = false;
  #wake: () => void = () => undefined;

  constructor(options: LookoutOptions) {
    this.#options = options;
    options.prober.onAnswer(() => this.#nudge());
    this.#listening = this.#listen();
  }

  /** What is to be seen now. Rejects where the engine does not answer. */
  async look(): Promise<Readonly<Record<string, Sight>>> {
    const { services, prober } = this.#options;
    const { containers, ended } = await this.#seen();
    return Object.fromEntries(
      services.map((service): [string, Sight] => [
        service,
        {
          containers: containers.filter((container) => container.service === service),
          probe: prober.answer(service),
          ended: [...(this.#ended.get(service) ?? []), ...ended.filter((one) => one.service === service).map(({ how }) => how)],
        },
      ]),
    );
  }

  // The end of a process that must run is enough. For its container the engine answers only when it has cleared up behind it, and
  // often only when it has started it again; whether the engine itself is going down, and took it along, shows at once.
  async #seen(): ReturnType<LookoutSource['look']> {
    const { source, project } = this.#options;
    const heard = new Promise<'ended'>((resolve) => {
      this.#onEnd = () => resolve('ended');
    });
    if (this.#hasEnded()) this.#onEnd();
    const listed = source.look(project);
    listed.catch(() => undefined);
    if ((await Promise.race([listed, heard])) === 'ended') {
      await source.answers();
      if (this.#hasEnded()) return this.#last;
    }
    this.#last = await listed;
    return this.#last;
  }

  #hasEnded(): boolean {
    return this.#options.mustRun.some((service) => this.#ended.has(service));
  }

  /** Resolves when there may be something new to see, after `atMostMs` at the latest. */
  async wait(atMostMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#nudged) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await this.#options.clock.sleep(
        Math.max(0, Math.min(atMostMs, this.#options.everyMs)),
        AbortSignal.any([signal, woken.signal, this.#closing.signal]),
      );
    }
    this.#nudged = false;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#listening;
    await this.#options.prober.close();
  }

  #nudge(): void {
    this.#nudged = true;
    this.#wake();
  }

  async #listen(): Promise<void> {
    const { source, project, clock, log } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        for await (const { action, service, exitCode } of await source.events(project, signal)) {
          if (action === 'die')
            this.#ended.set(service, [...(this.#ended.get(service) ?? []), `exit code ${exitCode ?? '?'}`].slice(-5));
          if (this.#hasEnded()) this.#onEnd();
          this.#nudge();
        }
      } catch (error) {
        if (!signal.aborted) log.debug({ project, error }, 'the events of the engine ended');
      }
      // The engine was away, and took its containers along: their end is not theirs. What still runs, or not, is looked at anew.
      this.#ended.clear();
      this.#nudge();
      await clock.sleep(AGAIN_MS, signal);
    }
  }
}
