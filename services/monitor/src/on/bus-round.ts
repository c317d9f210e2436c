import type { OpsConfig } from '@ops/shared/config';
import type { Clock } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import { lookAtBus } from '../act/look-at-bus.js';
import { BUS_METRICS, busConditions, type GroupProgress, progressOf } from '../decide/bus-conditions.js';
import type { Condition } from '../decide/conditions.js';

const EVERY_MS = 3000;

/** Watches whether every group gets on with its streams, the ones outside this project as well: what they leave unread is kept for them. */
export class BusRound {
  readonly #options: { readonly redis: RedisClient; readonly config: OpsConfig; readonly clock: Clock };
  #groups: ReadonlyMap<string, GroupProgress> = new Map();
  #conditions: readonly Condition[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #watchedSince = Number.NEGATIVE_INFINITY;

  constructor(options: { redis: RedisClient; config: OpsConfig; clock: Clock }) {
    this.#options = options;
  }

  /** One look; returns the pause until the next, in ms. Rejects when Redis is away: what was seen stays, and says nothing new. */
  async round(): Promise<number> {
    const { redis, config, clock } = this.#options;
    const sights = await lookAtBus(redis);
    const now = clock.monotonic();
    // Nobody gets on while Redis is away: the time of that is not theirs.
    const gap = now - this.#lookedAt > 3 * EVERY_MS;
    this.#groups = new Map(
      sights.map((sight) => {
        const key = `${sight.stream} ${sight.group}`;
        return [key, progressOf(gap ? undefined : this.#groups.get(key), sight, now)];
      }),
    );
    if (gap) this.#watchedSince = now;
    this.#lookedAt = now;
    this.#conditions = busConditions([...this.#groups.values()], config.bus.stuck_after, now, clock.now(), this.#watchedSince);
    return EVERY_MS;
  }

  /** The metrics of its conditions, until it has looked once. */
  blindTo(): readonly string[] {
    return this.#lookedAt === Number.NEGATIVE_INFINITY ? BUS_METRICS : [];
  }

  /** What was wrong with the bus at the last look. */
  conditions(): readonly Condition[] {
    return this.#conditions;
  }
}
