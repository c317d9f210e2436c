import type { Level } from './level-types.js';

/** What says how soon the process table is needed again. */
export interface TablePaceFacts {
  readonly level: Level;
  /** RAM is above its emergency bound by the newest sample. */
  readonly ramIsOver: boolean;
  /** CPU or RAM is near a threshold: what the host samples faster for. */
  readonly isNear: boolean;
  /** A unit is being ended: nobody else is chosen meanwhile. */
  readonly killing: boolean;
  /** How long the last table took to read. */
  readonly tookMs: number;
}

/**
 * From the beginning of one table to that of the next, in milliseconds; null where none is needed. A table of 600 costs some forty samples, so
 * none is read while nothing is near a threshold; near one it is read often enough for rates to be known when a level changes.
 * Only memory that runs out is worth one at every look. Where there are so many processes that a table takes long, it is read less often: near a
 * threshold it never costs more than a tenth of the time.
 */
export function tableLasts({ level, ramIsOver, isNear, killing, tookMs }: TablePaceFacts): number | null {
  const isSevere = level === 'emergency' || level === 'critical';
  if (!isSevere && !isNear) return null;
  if (killing || !isSevere) return Math.max(1_000, 10 * tookMs);
  return ramIsOver ? 2 * tookMs : Math.max(250, 4 * tookMs);
}
