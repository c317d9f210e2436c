import { collectDefaultMetrics, type Registry } from 'prom-client';

// What prom-client takes from its monitor of the event loop: each a period of that monitor and more (with its default of 10 ms a loop without
// any delay "lags" by 10 ms), and the monitor wakes an idle process a hundred times a second.
const OF_THE_MONITOR = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map(
  (name) => `nodejs_eventloop_lag_${name}_seconds`,
);
const NEVER_MS = 2 ** 31 - 1;

/** Registers what prom-client measures of the process: CPU, memory, descriptors, garbage collection, and the lag of the event loop as it is when asked. */
export function measureProcess(register: Registry): void {
  collectDefaultMetrics({ register, eventLoopMonitoringPrecision: NEVER_MS });
  for (const name of OF_THE_MONITOR) register.removeSingleMetric(name);
}
