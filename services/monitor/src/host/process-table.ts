import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { type MachineUnits, readMachineUnits } from '@ops/shared/host';
import { CommandLine, type ProcessFact } from '../decide/runaway-process.js';
import type { KeptStats } from './kept-stats.js';
import { type ProcessStat, parseProcessStat } from './process-stat.js';
import { atOnce, eachOf, inSlices, type Steps } from './slices.js';

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
  /** Those of which more than the name was read, or should have been. */
  readonly detailed: readonly ProcessInfo[];
}

/** What to read. */
export interface ProcessTableOptions {
  readonly procRoot?: string;
  /**
   * Picks the pids whose command line, oom_score_adj, cgroup and user are read as well: four more calls each. Default: all but
   * kernel threads. What is not read is null, and a process that is not fully read is never a victim.
   */
  readonly detailsOf?: DetailsOf;
  /** Refuses a table of more processes than this. */
  readonly most?: number;
  /** For who reads one table after the other. */
  readonly kept?: KeptStats | undefined;
}

type ProcessDetails = Pick<ProcessInfo, 'uid' | 'program' | 'commandLine' | 'oomScoreAdj' | 'cgroup'>;

/** Picks pids of a table. */
export type DetailsOf = (processes: readonly ProcessInfo[]) => Steps<ReadonlySet<number>>;

const units = new Map<string, MachineUnits>();
const buffer = Buffer.allocUnsafe(4096);
/** For command lines: an application server with a long class path has some 10 KiB. */
const large = Buffer.allocUnsafe(131_072);
const SLICE_MS = 4;
const unread: ProcessDetails = { uid: null, program: null, commandLine: null, oomScoreAdj: null, cgroup: null };

/**
 * Reads the process table from /proc without starting anything. Processes that end meanwhile are left out. Throws when
 * there is no /proc (macOS): the caller then knows no victims.
 */
export function readProcessTable(options: ProcessTableOptions = {}): ProcessTable {
  return atOnce(scan(options));
}

/** The same in slices: a host with 10,000 processes holds up nobody. */
export async function scanProcessTable(options: ProcessTableOptions = {}): Promise<ProcessTable> {
  return inSlices(scan(options), SLICE_MS);
}

/** One step is one process. */
function* scan({ procRoot = '/proc', detailsOf, most, kept }: ProcessTableOptions): Steps<ProcessTable> {
  const { ticksPerSecond, pageBytes } = unitsOf(procRoot);
  const monotonicMs = performance.now();
  const entries = readdirSync(procRoot).filter(isPid);
  if (most !== undefined && entries.length > most) throw new Error(`${entries.length} processes: more than ${most}`);
  const bare: ProcessInfo[] = [];
  const readStat = (directory: string) => {
    const path = `${directory}/stat`;
    const length = kept === undefined ? readInto(path, buffer) : kept.read(path, buffer);
    return length === null ? null : parseProcessStat(buffer, length);
  };
  for (const entry of entries) {
    const stat = readStat(`${procRoot}/${entry}`);
    if (stat !== null) bare.push(infoOf(stat, stat.rssPages * pageBytes, unread));
    yield;
  }
  const wanted = detailsOf === undefined ? null : yield* detailsOf(bare);
  const detailed: ProcessInfo[] = [];
  for (const process of bare) {
    if (wanted === null ? process.kernelThread : !wanted.has(process.pid)) continue;
    detailed.push(withDetails(process, `${procRoot}/${process.pid}`, readStat));
    yield;
  }
  kept?.endRound();
  const read = new Map(detailed.map((process) => [process.pid, process]));
  const processes: ProcessInfo[] = [];
  yield* eachOf(bare, (process) => void processes.push(read.get(process.pid) ?? process));
  return { monotonicMs, ticksPerSecond, processes, detailed };
}

function withDetails(process: ProcessInfo, directory: string, readStat: (directory: string) => ProcessStat | null): ProcessInfo {
  const commandLine = readWhole(`${directory}/cmdline`);
  const adjust = readText(`${directory}/oom_score_adj`);
  const cgroup = readWhole(`${directory}/cgroup`);
  const uid = ownerOf(directory);
  // The number may have passed to another process between the two passes.
  if (readStat(directory)?.startTime !== process.startTime) return process;
  return infoOf(process, process.rssBytes, {
    program: commandLine === null ? null : programOf(commandLine),
    commandLine: commandLine === null ? null : new CommandLine(commandLine.replaceAll('\0', ' ').trimEnd()),
    oomScoreAdj: adjust === null ? null : Number.parseInt(adjust, 10),
    cgroup,
    uid,
  });
}

/** Field by field: taken apart and spread, each process becomes a dictionary, and the table of 600 costs twice its reading. */
function infoOf(stat: Omit<ProcessStat, 'threads' | 'rssPages'>, rssBytes: number, details: ProcessDetails): ProcessInfo {
  return {
    pid: stat.pid,
    name: stat.name,
    state: stat.state,
    ppid: stat.ppid,
    processGroup: stat.processGroup,
    session: stat.session,
    terminal: stat.terminal,
    kernelThread: stat.kernelThread,
    cpuTicks: stat.cpuTicks,
    nice: stat.nice,
    startTime: stat.startTime,
    rssBytes,
    uid: details.uid,
    program: details.program,
    commandLine: details.commandLine,
    oomScoreAdj: details.oomScoreAdj,
    cgroup: details.cgroup,
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
  const length = readInto(path, buffer);
  return length === null ? null : buffer.toString('utf8', 0, length);
}

/** One that is longer than we read is not read: what protects a process may stand in the rest. */
function readWhole(path: string): string | null {
  const length = readInto(path, large);
  return length === null || length === large.length ? null : large.toString('utf8', 0, length);
}

/** Reads a file into a buffer; null where it cannot be read. */
function readInto(path: string, into: Buffer): number | null {
  let descriptor: number | null = null;
  try {
    descriptor = openSync(path, 'r');
    return readSync(descriptor, into, 0, into.length, 0);
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
