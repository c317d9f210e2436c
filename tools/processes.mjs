import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * The processes whose environment has this variable with this value, and their descendants: all that came of who was started
 * with it; and those that work in this folder, for a redis-server writes its title over its environment. A container's processes are found by their parent, for their environment is the image's. Empty where the system has no /proc.
 * @returns {{pid: number, command: string}[]}
 */
export function processesWith(name, value, folder) {
  const parents = new Map();
  const found = new Set();
  for (const pid of pids()) {
    const stat = read(pid, 'stat');
    // A zombie has ended: only its parent can take it off the table.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (pid === process.pid || stat === '' || state === 'Z') continue;
    parents.set(pid, Number(parent));
    if (read(pid, 'environ').split('\0').includes(`${name}=${value}`) || worksIn(pid, folder)) found.add(pid);
  }
  const descends = (pid) => pid !== undefined && (found.has(pid) || descends(parents.get(pid)));
  return [...parents.keys()]
    .filter(descends)
    .map((pid) => ({ pid, command: read(pid, 'cmdline').replaceAll('\0', ' ').trim().slice(0, 160) }));
}

/** Waits until `left` finds nothing, at most `within` ms; returns what is left. */
export async function untilNone(left, within) {
  const end = performance.now() + within;
  while (left().length > 0 && performance.now() < end) await delay(50);
  return left();
}

/** Ends what `left` finds: SIGTERM, and after five seconds SIGKILL. */
export async function endProcesses(left) {
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    for (const { pid } of left()) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
    if ((await untilNone(left, 5_000)).length === 0) return;
  }
}

function pids() {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}

// The link still says the folder's name when the folder is deleted.
function worksIn(pid, folder) {
  try {
    return folder !== undefined && readlinkSync(`/proc/${pid}/cwd`).startsWith(`${folder}/`);
  } catch {
    return false;
  }
}

// What cannot be read has ended while we looked, or is none of ours.
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    return '';
  }
}
