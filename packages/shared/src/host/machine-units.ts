import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';

/** What /proc counts in. */
export interface MachineUnits {
  readonly ticksPerSecond: number;
  readonly pageBytes: number;
}

/** Keys of the auxiliary vector (getauxval(3)). */
const pageSizeKey = 6n;
const clockTicksKey = 17n;

/**
 * Reads the units from our own auxiliary vector, where the kernel puts them for the C library; pages of 16 or 64 KiB are
 * usual on ARM. What cannot be read is taken to be 100 ticks and 4 KiB.
 */
export function readMachineUnits(procRoot: string): MachineUnits {
  const units = { ticksPerSecond: 100, pageBytes: 4096 };
  try {
    const vector = readFileSync(join(procRoot, 'self/auxv'));
    for (let at = 0; at + 16 <= vector.length; at += 16) {
      const isLittle = endianness() === 'LE';
      const key = isLittle ? vector.readBigUInt64LE(at) : vector.readBigUInt64BE(at);
      const value = Number(isLittle ? vector.readBigUInt64LE(at + 8) : vector.readBigUInt64BE(at + 8));
      if (key === pageSizeKey && value > 0) units.pageBytes = value;
      if (key === clockTicksKey && value > 0) units.ticksPerSecond = value;
    }
  } catch {
    // A captured tree has none.
  }
  return units;
}
