import { startService } from '../service-process.mjs';

export { pause, TOKEN } from '../service-process.mjs';

/** A supervisor as a process of its own, ready to be pinged. @param cron the `cron` part of ops.yaml, as JSON takes it */
export function startSupervisor(bench, cron, name) {
  return startService(bench, 'cron-supervisor', { cron }, name);
}

/** The value at a share (0 to 1) of the sorted values, by nearest rank. */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
