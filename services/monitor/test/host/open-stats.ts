import { readdirSync, readlinkSync } from 'node:fs';

/** Whose /proc/<pid>/stat this process holds open. */
export function openStats(): readonly number[] {
  return readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      const pid = /^\/proc\/(\d+)\/stat$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
      return pid === undefined ? [] : [Number(pid)];
    } catch {
      // The one that the folder itself was read by.
      return [];
    }
  });
}
