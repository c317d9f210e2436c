/**
 * A command line that can be asked but not printed: arguments may hold passwords and tokens. However it is logged,
 * serialised or inspected, it gives `[redacted]`.
 */
export class CommandLine {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Whether a pattern is found in the command line (arguments joined by spaces). */
  matches(pattern: RegExp): boolean {
    // `search` ignores lastIndex, so that a pattern with the g flag answers the same every time.
    return this.#text.search(pattern) >= 0;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }
}

/** Names one process for ever: a number that is used again comes with another start time. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

/** One process as the process table shows it. Null means: not read, which is never taken for harmless. */
export interface ProcessFact {
  readonly pid: number;
  readonly ppid: number;
  /** The number of its process group; 0 where the group's leader is out of our sight (another pid namespace). */
  readonly processGroup: number;
  readonly session: number;
  /** It has a controlling terminal. */
  readonly terminal: boolean;
  /** Clock ticks since boot; with the pid it names one process for ever. */
  readonly startTime: number;
  /** The kernel's name for it, at most 15 characters. */
  readonly name: string;
  /** Base name of argv[0]. */
  readonly program: string | null;
  readonly commandLine: CommandLine | null;
  /** Effective user id. */
  readonly uid: number | null;
  /** One letter, as in /proc/<pid>/stat. */
  readonly state: string;
  /** From -20 to 19: how much it gives way to others. */
  readonly nice: number;
  readonly rssBytes: number;
  readonly oomScoreAdj: number | null;
  /** The lines of /proc/<pid>/cgroup. */
  readonly cgroup: string | null;
  readonly kernelThread: boolean;
  /** Percent of one core since the previous table; null for a process that was not in it. */
  readonly cpuPercent: number | null;
}

/** A process as evidence shows it: nothing in it can hold a secret. */
export interface ProcessDescription {
  readonly pid: number;
  readonly name: string;
  readonly program: string | null;
  readonly rssBytes: number;
  readonly cpuPercent: number | null;
}

/** Names a process for logs, events and reports: no arguments, no environment, no paths. */
export function describeProcess(process: ProcessFact): ProcessDescription {
  const { pid, name, program, rssBytes, cpuPercent } = process;
  return { pid, name, program, rssBytes, cpuPercent };
}
