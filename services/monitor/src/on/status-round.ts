import { uptime as hostUptime } from 'node:os';
import type { OpsConfig } from '@ops/shared/config';
import { keys, type Status } from '@ops/shared/events';
import type { Clock } from '@ops/shared/runtime';
import type { RedisClient } from '@ops/shared/streams';
import type { Outbox } from '../act/outbox.js';
import type { CheckState } from '../decide/check-types.js';
import { latencyOf } from '../decide/latency.js';
import { responseFor } from '../decide/response.js';
import { readingsOf } from './guard-events.js';
import type { GuardView } from './guard-round.js';

export interface StatusOptions {
  readonly host: string;
  readonly config: OpsConfig;
  readonly redis: RedisClient;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly guard: () => GuardView;
  readonly checks: () => readonly CheckState[];
  /** Service → share of the last 24 h in which it was up, where it is known; from PostgreSQL. */
  readonly uptime: () => Promise<ReadonlyMap<string, number>>;
  readonly alertsFiring: () => Promise<number>;
}

const HISTORY_EVERY_MS = 30_000;

/** Publishes the infrastructure status: as an event, as a key for whoever polls, and for GET /status. */
export class StatusRound {
  readonly #options: StatusOptions;
  readonly #startedAt: number;
  #uptime: ReadonlyMap<string, number> = new Map();
  #firing = 0;
  #historyAt = Number.NEGATIVE_INFINITY;

  constructor(options: StatusOptions) {
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
  }

  /** Once more; returns the pause until the next, in ms. History that cannot be read keeps its last values. */
  async round(): Promise<number> {
    const { clock, config, outbox, redis, host, uptime, alertsFiring } = this.#options;
    if (clock.monotonic() - this.#historyAt >= HISTORY_EVERY_MS) {
      this.#uptime = await uptime().catch(() => this.#uptime);
      this.#historyAt = clock.monotonic();
    }
    this.#firing = await alertsFiring().catch(() => this.#firing);
    const status = this.current();
    outbox.add({ type: 'status.published', subject: host, data: status });
    if (redis.status === 'ready') await redis.set(keys.statusCurrent, JSON.stringify(status));
    return config.status.every;
  }

  /** The status as of now. */
  current(): Status {
    const { host, config, clock, guard, checks } = this.#options;
    const { level, since, reason, sample } = guard();
    const states = new Map(checks().map((state) => [state.service, state]));
    const services = config.inventory.services.map(({ name, port }) => this.#service(name, port ?? null, states.get(name)));
    return {
      host,
      level,
      level_since: new Date(since).toISOString(),
      level_reason: reason,
      services,
      resource_utilisation: readingsOf(sample),
      uptime_metrics: {
        services_up: services.filter(({ status }) => status === 'up' || status === 'degraded').length,
        services_total: services.length,
        monitor_uptime_seconds: Math.round((clock.monotonic() - this.#startedAt) / 1000),
        host_uptime_seconds: Math.round(hostUptime()),
      },
      response: responseFor(level, config.guard.response),
      alerts_firing: this.#firing,
      scope: sample?.scope.why ?? 'the host has not been read yet',
      sampled_at: sample === null ? null : new Date(sample.at).toISOString(),
      published_at: new Date(clock.now()).toISOString(),
    };
  }

  #service(service: string, port: number | null, state: CheckState | undefined): Status['services'][number] {
    return {
      service,
      status: state?.status ?? 'unknown',
      since: time(state?.since),
      detail: state === undefined || state.detail === '' ? 'not checked yet' : state.detail,
      port,
      response_ms: state?.responseMs ?? null,
      latency_ms: latencyOf(state?.times ?? []),
      checked_at: time(state?.checkedAt),
      uptime_24h: this.#uptime.get(service) ?? null,
    };
  }
}

function time(ms: number | null | undefined): string | null {
  return ms === null || ms === undefined ? null : new Date(ms).toISOString();
}
