import { readdir, readFile, readlink } from 'node:fs/promises';
import { type ProcessRow, parseStat, portInodes, treeLines } from '../decide/process-rows.js';

const MOST_LOOKED_AT = 5000;

/**
 * The process that listens on the port of a loopback URL, and what it has started, one line each: program, pid, CPU and memory.
 * Never arguments: they may hold secrets. Empty where the gateway is elsewhere, or the machine does not tell.
 */
export async function listenerTree(url: string): Promise<readonly string[]> {
  const { hostname, port, protocol } = new URL(url);
  if (!/^(?:127\.|localhost$|\[::1\]$)/.test(hostname)) return [];
  const number = Number(port === '' ? (protocol === 'wss:' ? 443 : 80) : port);
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map((file) => readFile(file, 'utf8').catch(() => '')));
  const inodes = new Set(tables.flatMap((table) => portInodes(table, number)));
  if (inodes.size === 0) return [];
  const rows = await allRows();
  for (const { pid } of rows) if (await holds(pid, inodes)) return treeLines(rows, pid);
  return [];
}

/** A process and what it has started, in the same lines. Empty where the machine does not tell. */
export async function processTree(pid: number): Promise<readonly string[]> {
  return treeLines(await allRows(), pid);
}

async function allRows(): Promise<readonly ProcessRow[]> {
  const names = await readdir('/proc').catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name)).slice(0, MOST_LOOKED_AT);
  return (await Promise.all(pids.map(stat))).filter((row) => row !== undefined);
}

async function stat(pid: string): Promise<ProcessRow | undefined> {
  try {
    return parseStat(await readFile(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}

async function holds(pid: number, inodes: ReadonlySet<string>): Promise<boolean> {
  try {
    const files = await readdir(`/proc/${pid}/fd`);
    const links = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => '')));
    return links.some((link) => inodes.has(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? ''));
  } catch {
    // That of another user.
    return false;
  }
}
