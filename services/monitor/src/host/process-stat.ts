/** What /proc/<pid>/stat tells of a process. Ticks are clock ticks, pages memory pages. */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly ppid: number;
  readonly processGroup: number;
  readonly session: number;
  /** It has a controlling terminal. */
  readonly terminal: boolean;
  readonly kernelThread: boolean;
  /** User and system time of all its threads. */
  readonly cpuTicks: number;
  readonly nice: number;
  readonly threads: number;
  /** Since boot. With the pid it names one process for ever. */
  readonly startTime: number;
  readonly rssPages: number;
}

/** PF_KTHREAD of the kernel's include/linux/sched.h. */
const kernelThreadFlag = 0x0020_0000;
const [OPEN, CLOSE, SPACE, NEWLINE, MINUS, ZERO] = [0x28, 0x29, 0x20, 0x0a, 0x2d, 0x30];

// Numbered as in proc(5), where the state is field 3. One set for all: it is filled and read without a pause in between.
const FIRST = 4;
const LAST = 24;
const fields = new Float64Array(LAST + 1);

/**
 * Parses the line. A name may hold spaces and parentheses (`(a) R 1`), so fields are counted from the last closing one.
 * Null for what is no such line. It works on the bytes: a table of 10,000 processes is 10,000 lines of 50 fields.
 */
export function parseProcessStat(line: Buffer, length = line.length): ProcessStat | null {
  const open = line.indexOf(OPEN);
  const close = length === 0 ? -1 : line.lastIndexOf(CLOSE, length - 1);
  if (open < 2 || close < open || line[close + 1] !== SPACE || line[close + 3] !== SPACE) return null;
  if (readNumbers(line, 0, open - 1, 0, 0) === null) return null;
  const pid = fields[0] ?? 0;
  if (readNumbers(line, close + 4, length, FIRST, LAST) === null) return null;
  const field = (number: number) => fields[number] ?? 0;
  const stat: ProcessStat = {
    pid,
    name: line.toString('utf8', open + 1, close),
    state: String.fromCharCode(line[close + 2] ?? 0),
    ppid: field(4),
    processGroup: field(5),
    session: field(6),
    terminal: field(7) !== 0,
    kernelThread: (field(9) & kernelThreadFlag) !== 0,
    cpuTicks: field(14) + field(15),
    nice: field(19),
    threads: field(20),
    startTime: field(22),
    rssPages: field(24),
  };
  return Number.isSafeInteger(stat.startTime) && Number.isSafeInteger(stat.cpuTicks) ? stat : null;
}

/** Whether a process is over: dead and waiting to be collected with no thread left that could hold its memory. */
export function isOver(stat: ProcessStat): boolean {
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1;
}

/** Reads numbers that are separated by one space each into the fields from `first` to `last`; null where one is missing. */
function readNumbers(line: Buffer, from: number, end: number, first: number, last: number): true | null {
  let at = from;
  for (let field = first; field <= last; field += 1) {
    const isNegative = line[at] === MINUS;
    if (isNegative) at += 1;
    const begin = at;
    let value = 0;
    for (; at < end; at += 1) {
      const digit = (line[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === begin || (at < end && line[at] !== SPACE && line[at] !== NEWLINE)) return null;
    fields[field] = isNegative ? -value : value;
    at += 1;
  }
  return true;
}
