import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { eventually, hostMemory } from '@ops/shared/testing';

const FOLDER = `/sys/fs/cgroup/memory/ops-hog-${process.pid}`;
const LIMIT = 4 * 2 ** 30;
const [STEADY_BYTES, STEADY_MS] = [16 * 2 ** 20, 1000];

/** Where the trials take place: a control group with a limit of its own, so that other work on the machine changes nothing in it. */
export interface OwnGroup {
  /** Bytes that 100 % stands for, and those that are used. */
  figures(): { total: number; used: number };
  /** Not a group of ours: the machine. */
  readonly isWholeHost: boolean;
  /** Resolves when what is used no longer moves by itself, or has not stopped to in 10 s. */
  steady(): Promise<void>;
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
    steady: async () => undefined,
    isWholeHost: false,
    into: ['sh', '-c', `echo $$ > ${FOLDER}/cgroup.procs; exec "$@"`, 'sh'],
    close: () => eventually(() => rmdirSync(FOLDER)),
  };
}

/** The machine as a whole, where what is judged is more than a group can hold (containers): nothing else may be going on on it. */
export function wholeHost(): OwnGroup {
  return {
    figures: hostMemory,
    steady: hostSteady,
    isWholeHost: true,
    into: [],
    close: async () => undefined,
  };
}

async function hostSteady(): Promise<void> {
  let [last, since] = [hostMemory().used, performance.now()];
  await eventually(
    () => {
      const { used } = hostMemory();
      if (Math.abs(used - last) > STEADY_BYTES) [last, since] = [used, performance.now()];
      if (performance.now() - since < STEADY_MS) throw new Error(`memory in use still moves: ${used} bytes`);
    },
    { within: 10_000 },
  ).catch(() => undefined);
}
