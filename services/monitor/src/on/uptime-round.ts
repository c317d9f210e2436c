import type { ServiceContext } from '@ops/shared/runtime';
import type { CheckState } from '../decide/check-types.js';
import { pruneUptime, recordUptime, type UptimeDatabase, type UptimeTables, uptimeShares } from '../state/uptime.js';

const EVERY_MS = 15_000;
const DAY_MS = 86_400_000;
const PRUNE_EVERY_MS = 3_600_000;

type Facts = Pick<ServiceContext, 'database' | 'host' | 'clock' | 'config'>;

/** Keeps the history of the services' states: what was seen, and for how long it was seen. */
export class UptimeRound {
  readonly #facts: Facts;
  readonly #database: UptimeDatabase;
  #prunedAt = Number.NEGATIVE_INFINITY;

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#database = facts.database.withTables<UptimeTables>();
  }

  /** Stores what is seen now; returns the pause until the next round, in ms. */
  async round(states: readonly CheckState[]): Promise<number> {
    const { host, clock, config } = this.#facts;
    await recordUptime(this.#database, host, states, clock.now());
    if (clock.monotonic() - this.#prunedAt > PRUNE_EVERY_MS) {
      await pruneUptime(this.#database, clock.now() - config.retention.uptime);
      this.#prunedAt = clock.monotonic();
    }
    return EVERY_MS;
  }

  /** Service → share of the last 24 h, of what is known of it, in which it was up or degraded. */
  async shares(): Promise<ReadonlyMap<string, number>> {
    const { host, clock } = this.#facts;
    const now = clock.now();
    return uptimeShares(this.#database, host, now - DAY_MS, now);
  }
}
