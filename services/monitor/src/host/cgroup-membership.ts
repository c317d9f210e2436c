import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Steps } from './slices.js';

/** The directories of one controller that bind us: our own group and those above it that we can see. */
export interface GroupPath {
  readonly version: 1 | 2;
  /** Own group first, the root of the mount last. */
  readonly directories: readonly string[];
}

/** Our control groups for memory and CPU, and whether their path is that of a container. */
export interface Membership {
  readonly memory: GroupPath | null;
  readonly cpu: GroupPath | null;
  /** Version 1 keeps usage in a controller of its own. */
  readonly cpuacct: GroupPath | null;
  readonly looksLikeContainer: boolean;
}

/**
 * Finds our control groups from /proc/self/cgroup. A controller that version 1 holds is not in version 2 (hybrid
 * hosts). In a container the path is either relative to its own namespace, or the host's path while the mount shows our
 * own group as its root: what does not exist below the mount is looked for at the mount itself. One step is one controller.
 */
export function* findMembership(procRoot: string, cgroupRoot: string): Steps<Membership | null> {
  let text: string;
  try {
    text = readFileSync(join(procRoot, 'self/cgroup'), 'latin1');
  } catch {
    return null;
  }
  const lines = text.split('\n').flatMap((line) => {
    const [id, controllers, path] = splitInThree(line);
    return path === undefined ? [] : [{ id, controllers: controllers?.split(',') ?? [], path }];
  });
  const unified = lines.find((line) => line.id === '0')?.path ?? null;
  const groupOf = (controller: string): GroupPath | null => {
    const line = lines.find((each) => each.controllers.includes(controller));
    if (line) {
      const mount = [controller, line.controllers.join(',')]
        .map((name) => join(cgroupRoot, name))
        .find((each) => existsSync(each));
      return mount === undefined ? null : { version: 1, directories: upwards(mount, line.path) };
    }
    const mount = [cgroupRoot, join(cgroupRoot, 'unified')].find((each) => existsSync(join(each, 'cgroup.controllers')));
    return unified === null || mount === undefined ? null : { version: 2, directories: upwards(mount, unified) };
  };
  yield;
  const memory = groupOf('memory');
  yield;
  const cpu = groupOf('cpu');
  yield;
  const cpuacct = groupOf('cpuacct');
  yield;
  return {
    memory,
    cpu,
    cpuacct,
    looksLikeContainer: /docker|containerd|kubepods|libpod|lxc/.test(text),
  };
}

function splitInThree(line: string): [string | undefined, string | undefined, string | undefined] {
  // A path may hold colons.
  const match = /^(\d+):([^:]*):(.*)$/.exec(line);
  return [match?.[1], match?.[2], match?.[3]];
}

function upwards(mount: string, path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '');
  const isVisible = !parts.includes('..') && existsSync(join(mount, ...parts));
  if (!isVisible) return [mount];
  return parts.map((_, index) => join(mount, ...parts.slice(0, parts.length - index))).concat(mount);
}
