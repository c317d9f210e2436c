import { LEVELS, SERVICE_STATES, STREAM_NAMES } from '@ops/shared/events';
import { groupLags, type RedisClient } from '@ops/shared/streams';
import { Gauge, type Registry } from 'prom-client';
import type { CheckState } from '../decide/check-types.js';
import { latencyOf } from '../decide/latency.js';
import type { GuardView } from '../on/guard-round.js';

export interface MetricFacts {
  readonly metrics: Registry;
  readonly redis: RedisClient;
  readonly guard: () => GuardView;
  readonly checks: () => readonly CheckState[];
  readonly waiting: () => number;
}

/** Registers what the monitor knows as metrics; each is read when it is asked for. What is not known has no sample. */
export function registerMetrics({ metrics, redis, guard, checks, waiting }: MetricFacts): void {
  const registers = [metrics];
  const reading = (name: string, help: string, value: () => number | null | undefined) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const now = value();
        if (now === null || now === undefined) this.reset();
        else this.set(now);
      },
    });
  reading('ops_guard_level', `0 to 4: ${LEVELS.join(', ')}`, () => LEVELS.indexOf(guard().level));
  reading('ops_host_cpu_percent', 'CPU in use, without iowait', () => guard().sample?.cpuPercent);
  reading('ops_host_ram_percent', 'Memory in use', () => guard().sample?.ramPercent);
  reading('ops_host_cpu_pressure_percent', 'PSI cpu some', () => guard().sample?.cpuPressure);
  reading('ops_host_loop_delay_milliseconds', 'How late our own event loop was', () => guard().sample?.loopDelayMs);
  reading(
    'ops_host_sample_late_milliseconds',
    'How much later than planned the last sample was taken',
    () => guard().late.lastMs,
  );
  reading(
    'ops_host_samples_late',
    'Samples so late that their rates were not believed, since the start',
    () => guard().late.samples,
  );
  reading('ops_host_steal_percent', 'CPU time that the hypervisor gave to others', () => guard().sample?.stealPercent);
  reading('ops_host_swap_percent', 'Swap in use', () => guard().sample?.swapPercent);
  reading('ops_outbox_events', 'Events that wait for the bus', waiting);
  new Gauge({
    name: 'ops_service_state',
    help: '1 for the state that a service is in',
    labelNames: ['service', 'state'],
    registers,
    collect() {
      for (const { service, status } of checks()) {
        for (const state of SERVICE_STATES) this.set({ service, state }, state === status ? 1 : 0);
      }
    },
  });
  new Gauge({
    name: 'ops_check_response_milliseconds',
    help: 'Response times of the last 200 answers of a service',
    labelNames: ['service', 'quantile'],
    registers,
    collect() {
      this.reset();
      for (const { service, times } of checks()) {
        const latency = latencyOf(times);
        if (latency === null) continue;
        for (const [quantile, ms] of [
          ['0.5', latency.p50],
          ['0.95', latency.p95],
          ['0.99', latency.p99],
        ] as const)
          this.set({ service, quantile }, ms);
      }
    },
  });
  new Gauge({
    name: 'ops_stream_lag_entries',
    help: 'Entries of a stream that a group has not been given yet, or not finished',
    labelNames: ['stream', 'group', 'kind'],
    registers,
    async collect() {
      this.reset();
      if (redis.status !== 'ready') return;
      for (const stream of STREAM_NAMES) {
        for (const { group, lag, pending } of await groupLags(redis, stream).catch(() => [])) {
          this.set({ stream, group, kind: 'pending' }, pending);
          this.set({ stream, group, kind: 'unread' }, lag);
        }
      }
    },
  });
}
