import { randomUUID } from 'node:crypto';
import { keys } from '@ops/shared/events';
import type { Clock } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import type { Condition } from '../decide/conditions.js';
import { HEARTBEAT_METRIC, type Heartbeats, hear, heartbeatConditions, ownHeartbeat } from '../decide/heartbeat.js';

const EVERY_MS = 5000;
const AWAY_MS = 1000;

/** Gives this monitor's sign of life and looks at those of the others: a dead monitor says nothing of itself. */
export class HeartbeatRound {
  readonly #options: { readonly host: string; readonly redis: RedisClient; readonly clock: Clock };
  #heard: Heartbeats = new Map();
  #lookedAt = Number.NEGATIVE_INFINITY;

  readonly #startedAt: number;

  constructor(options: { host: string; redis: RedisClient; clock: Clock }) {
    this.#options = options;
    this.#startedAt = options.clock.now();
  }

  /** One beat; returns the pause until the next, in ms. Rejects where Redis does not answer. */
  async round(): Promise<number> {
    const { host, redis, clock } = this.#options;
    // Other each time: what matters is that it changes.
    if (redis.status !== 'ready') return AWAY_MS;
    await redis.hset(keys.monitors, host, randomUUID());
    const signs = await redis.hgetall(keys.monitors);
    const now = clock.now();
    this.#heard = hear(this.#heard, signs, host, this.#lookedAt, now);
    this.#lookedAt = now;
    return EVERY_MS;
  }

  /** Nobody can be judged before there was time to hear them. */
  blindTo(): readonly string[] {
    return this.#lookedAt === Number.NEGATIVE_INFINITY ? [HEARTBEAT_METRIC] : [];
  }

  conditions(): readonly Condition[] {
    const { host, clock } = this.#options;
    const now = clock.now();
    return [ownHeartbeat(host, this.#startedAt, now), ...heartbeatConditions(this.#heard, this.#lookedAt, now)];
  }

  /** Signs off: one that is stopped in order is not dead. */
  async close(): Promise<void> {
    const { host, redis } = this.#options;
    if (redis.status === 'ready') await redis.hdel(keys.monitors, host).catch(() => undefined);
  }
}
