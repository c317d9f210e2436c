import type { Level } from '@ops/shared/events';
import type { RunawayWatch } from '../../src/act/runaway-watch.js';

type Seen = Parameters<RunawayWatch['look']>[0];

/**
 * What a watch is told of a host in a RAM emergency now, as if the machine had 1 GiB: it is not starved for a test.
 * Further away than any table lasts, so that each is due.
 */
export function emergency(
  over: {
    level?: Level;
    isNear?: boolean;
    ramPercent?: number;
    cpuPercent?: number;
    cpuPressure?: number;
    cpuOverSince?: number;
  } = {},
): Seen {
  const { level = 'emergency', isNear = false, ramPercent = 96, cpuPercent = 10, cpuPressure = 0, cpuOverSince = null } = over;
  later += 60_000;
  return {
    level,
    isNear,
    cpuOverSince,
    sample: {
      ok: true,
      at: Date.now(),
      monotonicMs: performance.now() + later,
      scope: { kind: 'host', cpus: 2, memoryBytes: 2 ** 30, why: 'as if' },
      cpuPercent,
      iowaitPercent: 0,
      nicePercent: 0,
      stealPercent: 0,
      swapPercent: null,
      cpuThrottledPercent: null,
      cpuPressure,
      memoryPressure: 0,
      ioPressure: 0,
      ramPercent,
      ramUsedBytes: null,
      ramTotalBytes: 2 ** 30,
      disks: [],
      loopDelayMs: 0,
    },
  };
}
let later = 0;
