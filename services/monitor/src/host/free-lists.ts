import { freeListBytes, readMachineUnits } from '@ops/shared/host';
import { KeptFile } from './kept-file.js';

/** A machine with 384 threads and eight nodes has some 650 KiB. */
const MOST_BYTES = 1_048_576;
/** While it decides nothing the last count will do: the file is as long as all the others together. */
const CALM_MS = 2_000;

/** The memory in the lists of free pages of the CPUs, which the kernel does not call available. */
export class FreeLists {
  readonly #file: KeptFile;
  readonly #pageBytes: number;
  #last = { at: Number.NEGATIVE_INFINITY, bytes: 0 };

  constructor(procRoot: string) {
    this.#file = new KeptFile(`${procRoot}/zoneinfo`, MOST_BYTES);
    this.#pageBytes = readMachineUnits(procRoot).pageBytes;
  }

  /**
   * Bytes in all lists; 0 where nobody can tell.
   * @param matters it decides something: the count is of now, and not up to two seconds old
   */
  read(monotonicMs: number, totalBytes: number, matters: boolean): number {
    const isOld = monotonicMs - this.#last.at >= CALM_MS;
    const text = matters || isOld ? this.#file.readAll() : null;
    if (text !== null) this.#last = { at: monotonicMs, bytes: freeListBytes(text, this.#pageBytes, totalBytes) };
    else if (isOld) this.#last = { at: monotonicMs, bytes: 0 };
    return this.#last.bytes;
  }

  close(): void {
    this.#file.close();
  }
}
