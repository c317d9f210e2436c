const COUNT = ' count:';
/** A machine has hardly more pages than its total says; much more are those of another one. */
const MOST_OF_TOTAL = 1.25;
/** MemAvailable as a share of the total: from `all` on the lists count whole, at `none` not any more, and in between in proportion. */
const COUNTED = { all: 0.05, none: 0.02 };

/**
 * Bytes of free pages in the lists of the CPUs, from the text of /proc/zoneinfo. They are free, and neither MemFree nor MemAvailable counts them.
 * Since Linux 6.7 the lists grow to an eighth of the memory, and shrink by some MiB a second: what a large process has given back would look used
 * for minutes. (mm/page_alloc.c, `pcp->high_max`; before that they hold a few MiB.) 0 where the text is of a larger machine than `totalBytes`:
 * lxcfs shows the total of the container beside the pages of its host.
 */
export function freeListBytes(zoneinfo: string, pageBytes: number, totalBytes: number): number {
  const managed = sumAfter(zoneinfo, ' managed ') * pageBytes;
  return managed > MOST_OF_TOTAL * totalBytes ? 0 : sumAfter(zoneinfo, COUNT) * pageBytes;
}

/**
 * What a new program can have, in bytes: MemAvailable, and what is in the lists. Less and less of it when hardly anything else is left: the kernel
 * empties the list of another CPU only once whoever asks already waits for memory, and a guard must have acted before.
 */
export function availableBytes(memAvailable: number, inLists: number, totalBytes: number): number {
  const share = (memAvailable / totalBytes - COUNTED.none) / (COUNTED.all - COUNTED.none);
  return Math.min(totalBytes, memAvailable + inLists * Math.min(1, Math.max(0, share)));
}

function sumAfter(text: string, key: string): number {
  let sum = 0;
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at)) {
    at += key.length;
    sum += Number.parseInt(text.slice(at, at + 24), 10) || 0;
  }
  return sum;
}
