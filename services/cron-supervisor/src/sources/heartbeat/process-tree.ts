import { readdirSync, readFileSync } from 'node:fs';

const MOST = 60;

interface Entry {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly rss_mb: number;
}

/** The processes below one, with it, as indented lines: pid, name, memory. No command lines: they may hold secrets. Empty without /proc. */
export function processTree(root: number): readonly string[] {
  const entries = new Map(readAll().map((entry) => [entry.pid, entry]));
  const lines: string[] = [];
  const add = (pid: number, depth: number) => {
    const entry = entries.get(pid);
    if (entry === undefined || lines.length >= MOST) return;
    lines.push(`${'  '.repeat(Math.min(depth, 10))}${pid} ${entry.name} ${entry.rss_mb} MB`);
    for (const child of entries.values()) if (child.parent === pid) add(child.pid, depth + 1);
  };
  add(root, 0);
  return lines;
}

function readAll(): Entry[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => read(Number(name)) ?? []);
  } catch {
    return [];
  }
}

function read(pid: number): Entry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name may hold spaces and parentheses itself.
    const close = stat.lastIndexOf(')');
    const fields = stat.slice(close + 2).split(' ');
    const name = stat.slice(stat.indexOf('(') + 1, close);
    return { pid, parent: Number(fields[1]), name, rss_mb: Math.round((Number(fields[21]) * 4096) / 1_048_576) };
  } catch {
    return undefined;
  }
}
