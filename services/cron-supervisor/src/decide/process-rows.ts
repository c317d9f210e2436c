const LISTEN = '0A';
const TICKS_A_SECOND = 100;
const PAGE_BYTES = 4096;
const MOST_LINES = 60;
const LONGEST_NAME = 40;

export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** The program's name as the kernel has it: at most 15 characters, no arguments. */
  readonly name: string;
  readonly cpu_s: number;
  readonly rss_mb: number;
}

/** Inodes of the sockets that listen on a port, from /proc/net/tcp or tcp6. */
export function portInodes(table: string, port: number): readonly string[] {
  return table.split('\n').flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/);
    const listens = state === LISTEN && Number.parseInt(local.split(':')[1] ?? '', 16) === port;
    return listens && inode !== undefined ? [inode] : [];
  });
}

/** A /proc/PID/stat; undefined for what is none. The name may hold spaces and brackets. */
export function parseStat(text: string): ProcessRow | undefined {
  const [, pid, name, rest] = /^(\d+) \((.*)\) (.*)$/s.exec(text.trim()) ?? [];
  const fields = rest?.split(' ');
  if (pid === undefined || name === undefined || fields === undefined) return undefined;
  const field = (number: number) => Number(fields[number - 3]);
  return {
    pid: Number(pid),
    parent: field(4),
    name: name.slice(0, LONGEST_NAME),
    cpu_s: (field(14) + field(15)) / TICKS_A_SECOND,
    rss_mb: Math.round((field(24) * PAGE_BYTES) / 1_048_576),
  };
}

/** A process and its children, theirs indented, as lines. */
export function treeLines(rows: readonly ProcessRow[], root: number): readonly string[] {
  const lines: string[] = [];
  const add = (pid: number, depth: number) => {
    const row = rows.find((one) => one.pid === pid);
    if (row === undefined || lines.length >= MOST_LINES) return;
    lines.push(`${'  '.repeat(depth)}${row.name} (pid ${row.pid}): ${row.cpu_s.toFixed(1)} s of CPU, ${row.rss_mb} MB`);
    for (const child of rows) if (child.parent === pid) add(child.pid, depth + 1);
  };
  add(root, 0);
  return lines;
}
