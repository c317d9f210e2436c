import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { eventually } from '@ops/shared/testing';

const FOLDER = `/sys/fs/cgroup/memory/ops-hog-${process.pid}`;
const LIMIT = 4 * 2 ** 30;

/** Where the trials take place: a control group with a limit of its own, so that other work on the machine changes nothing in it. */
export interface OwnGroup {
  /** Bytes that 100 % stands for, and those that are used. */
  figures(): { total: number; used: number };
  /** Puts a command into it. */
  readonly into: readonly string[];
  close(): Promise<void>;
}

/** Makes the group (version 1, as root); the host itself where that is not permitted. */
export function ownGroup(): OwnGroup {
  try {
    mkdirSync(FOLDER);
    writeFileSync(`${FOLDER}/memory.limit_in_bytes`, String(LIMIT));
  } catch {
    return wholeHost();
  }
  return {
    figures: () => {
      const inactive = /^total_inactive_file (\d+)/m.exec(readFileSync(`${FOLDER}/memory.stat`, 'utf8'))?.[1];
      return { total: LIMIT, used: Number(readFileSync(`${FOLDER}/memory.usage_in_bytes`, 'utf8')) - Number(inactive) };
    },
    into: ['sh', '-c', `echo $$ > ${FOLDER}/cgroup.procs; exec "$@"`, 'sh'],
    close: () => eventually(() => rmdirSync(FOLDER)),
  };
}

/** The machine as a whole, where what is judged is more than a group can hold (containers): nothing else may be going on on it. */
export function wholeHost(): OwnGroup {
  return { figures: hostFigures, into: [], close: async () => undefined };
}

function hostFigures(): { total: number; used: number } {
  const figure = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) * 1024;
  return { total: figure('MemTotal'), used: figure('MemTotal') - figure('MemAvailable') };
}
