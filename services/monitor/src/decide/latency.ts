/** How many response times are remembered of each service. */
export const REMEMBERED = 200;

/** Response times in ms at their 50th, 95th and 99th percentile (nearest rank). */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Percentiles of response times (ms, any order); null without any. */
export function latencyOf(times: readonly number[]): Latency | null {
  if (times.length === 0) return null;
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}
