import type { CronSupervisor } from '../cron-supervisor.js';
import { HEARTBEAT } from '../sources/heartbeat/heartbeat-source.js';
import { removeOtherSources } from '../state/jobs.js';
import { notePresence } from '../state/presence.js';
import type { OverrunRound } from './overrun-round.js';
import type { Reconciler } from './reconcile.js';
import type { RegistryRound } from './registry-round.js';
import { listenTo } from './source-events.js';

/** Opens the sources, once the tables are there: from then on they tell by themselves. */
export class SourcesRound {
  readonly #self: CronSupervisor;
  readonly #registry: RegistryRound;
  readonly #reconciler: Reconciler;
  readonly #overruns: OverrunRound;
  readonly #opened = new Set<string>();
  open = false;

  constructor(self: CronSupervisor, registry: RegistryRound, reconciler: Reconciler, overruns: OverrunRound) {
    this.#self = self;
    this.#registry = registry;
    this.#reconciler = reconciler;
    this.#overruns = overruns;
  }

  async round(signal: AbortSignal): Promise<number> {
    // From now on somebody listens, however short.
    const { database, sources, clock, host } = this.#self;
    await notePresence(database, clock.now());
    await removeOtherSources(database, [...sources.keys()], { now: clock.now(), host });
    await this.#registry.restore();
    for (const source of this.#self.sources.values()) {
      const { name } = source;
      if (this.#opened.has(name)) continue;
      this.#opened.add(name);
      source.open(
        listenTo(this.#self, name, {
          jobs: () =>
            void this.#registry
              .refresh(name)
              .catch((error: unknown) =>
                this.#self.log.warn({ source: name, error }, 'the jobs of a source could not be registered'),
              ),
          reconcile: () => this.#reconciler.nudge(name),
          heard: () => this.#overruns.heard(name),
        }),
      );
    }
    await this.#registry.refresh(HEARTBEAT);
    this.open = true;
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    return 0;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#self.sources.values()].map((source) => source.close()));
  }
}
