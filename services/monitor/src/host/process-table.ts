import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { CommandLine, type ProcessFact } from '../decide/runaway-process.js';
import { type MachineUnits, readMachineUnits } from './machine-units.js';
import { type ProcessStat, parseProcessStat } from './process-stat.js';

/** One process, as read. Which percent of a core it uses needs two tables: see `processUsage`. */
export interface ProcessInfo extends Omit<ProcessFact, 'cpuPercent'> {
  readonly cpuTicks: number;
}

/** All processes that /proc shows at one moment, or nearly so. */
export interface ProcessTable {
  /** On the monotonic clock, in milliseconds. */
  readonly monotonicMs: number;
  readonly ticksPerSecond: number;
  readonly processes: readonly ProcessInfo[];
}

/** What to read. */
export interface ProcessTableOptions {
  readonly procRoot?: string;
  /**
   * Picks the pids whose command line, oom_score_adj, cgroup and user are read as well: four more calls each. Default: all but
   * kernel threads. What is not read is null, and a process that is not fully read is never a victim.
   */
  readonly detailsOf?: (processes: readonly ProcessInfo[]) => ReadonlySet<number>;
}

const units = new Map<string, MachineUnits>();
const buffer = Buffer.allocUnsafe(4096);
const commandLineLength = 200;

/**
 * Reads the process table from /proc without starting anything. Processes that end meanwhile are left out. Throws when
 * there is no /proc (macOS): the caller then knows no victims.
 */
export function readProcessTable(options: ProcessTableOptions = {}): ProcessTable {
  const procRoot = options.procRoot ?? '/proc';
  const { ticksPerSecond, pageBytes } = unitsOf(procRoot);
  const monotonicMs = performance.now();
  const bare: ProcessInfo[] = [];
  for (const entry of readdirSync(procRoot)) {
    if (!isPid(entry)) continue;
    const process = readBare(`${procRoot}/${entry}`, pageBytes);
    if (process !== null) bare.push(process);
  }
  const wanted = options.detailsOf?.(bare) ?? null;
  const processes = bare.map((process) => {
    const isWanted = wanted === null ? !process.kernelThread : wanted.has(process.pid);
    return isWanted ? withDetails(process, `${procRoot}/${process.pid}`) : process;
  });
  return { monotonicMs, ticksPerSecond, processes };
}

/**
 * For `detailsOf`: the `count` largest by memory, the `count` that have used the most CPU since `previous`, and the
 * ancestors of all these: a process is protected by what its parents are. The others cost one file each.
 */
export function heaviest(
  count: number,
  previous: ProcessTable | null,
): (processes: readonly ProcessInfo[]) => ReadonlySet<number> {
  return (processes) => {
    const before = new Map(previous?.processes.map((each) => [each.pid, each]));
    const used = (process: ProcessInfo) => {
      const earlier = before.get(process.pid);
      return process.cpuTicks - (earlier?.startTime === process.startTime ? earlier.cpuTicks : 0);
    };
    const byRss = [...processes].sort((a, b) => b.rssBytes - a.rssBytes).slice(0, count);
    const byCpu = [...processes].sort((a, b) => used(b) - used(a)).slice(0, count);
    const byPid = new Map(processes.map((each) => [each.pid, each]));
    const picked = new Set<number>();
    for (const each of [...byRss, ...byCpu]) {
      let next: ProcessInfo | undefined = each;
      for (; next !== undefined && !next.kernelThread && !picked.has(next.pid); next = byPid.get(next.ppid)) picked.add(next.pid);
    }
    return picked;
  };
}

function readStat(path: string): ProcessStat | null {
  const length = readInto(path);
  return length === null ? null : parseProcessStat(buffer, length);
}

function readBare(directory: string, pageBytes: number): ProcessInfo | null {
  const stat = readStat(`${directory}/stat`);
  if (stat === null) return null;
  const { threads: _, rssPages, ...known } = stat;
  const unread = { uid: null, program: null, commandLine: null, oomScoreAdj: null, cgroup: null };
  return { ...known, rssBytes: rssPages * pageBytes, ...unread };
}

function withDetails(process: ProcessInfo, directory: string): ProcessInfo {
  const commandLine = readText(`${directory}/cmdline`);
  const adjust = readText(`${directory}/oom_score_adj`);
  const cgroup = readText(`${directory}/cgroup`);
  const uid = ownerOf(directory);
  // The number may have passed to another process between the two passes.
  if (readStat(`${directory}/stat`)?.startTime !== process.startTime) return process;
  return {
    ...process,
    program: commandLine === null ? null : programOf(commandLine),
    commandLine:
      commandLine === null ? null : new CommandLine(commandLine.slice(0, commandLineLength).replaceAll('\0', ' ').trimEnd()),
    oomScoreAdj: adjust === null ? null : Number.parseInt(adjust, 10),
    cgroup,
    uid,
  };
}

/** The directory itself always has the effective user, also when the process may not be traced. */
function ownerOf(directory: string): number | null {
  try {
    return statSync(directory).uid;
  } catch {
    return null;
  }
}

/** Base name of argv[0]. A program that writes its own title may put anything there, so it ends at the first odd character. */
function programOf(commandLine: string): string | null {
  const first = commandLine.split('\0', 1)[0] ?? '';
  return /^[\w.+-]{1,64}/.exec(basename(first))?.[0] ?? null;
}

function readText(path: string): string | null {
  const length = readInto(path);
  return length === null ? null : buffer.toString('utf8', 0, length);
}

/** Reads a file into the one buffer; null where it cannot be read. */
function readInto(path: string): number | null {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, 'r');
    return readSync(descriptor, buffer, 0, buffer.length, 0);
  } catch {
    return null;
  } finally {
    if (descriptor !== null) closeSync(descriptor);
  }
}

function isPid(entry: string): boolean {
  const first = entry.charCodeAt(0);
  return first >= 49 && first <= 57;
}

function unitsOf(procRoot: string): MachineUnits {
  const known = units.get(procRoot) ?? readMachineUnits(procRoot);
  units.set(procRoot, known);
  return known;
}
