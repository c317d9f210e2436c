/** What /proc/<pid>/stat tells of a process. Ticks are clock ticks, pages memory pages. */
export interface ProcessStat {
  readonly pid: number;
  readonly name: string;
  readonly state: string;
  readonly ppid: number;
  readonly kernelThread: boolean;
  /** User and system time of all its threads. */
  readonly cpuTicks: number;
  readonly threads: number;
  /** Since boot. With the pid it names one process for ever. */
  readonly startTime: number;
  readonly rssPages: number;
}

/** PF_KTHREAD of the kernel's include/linux/sched.h. */
const kernelThreadFlag = 0x0020_0000;

/**
 * Parses the line. A name may hold spaces and parentheses (`(a) R 1`), so fields are counted from the last closing one.
 * Null for what is no such line.
 */
export function parseProcessStat(text: string): ProcessStat | null {
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  if (open < 1 || close < open) return null;
  const fields = text
    .slice(close + 2)
    .trimEnd()
    .split(' ');
  // Numbered as in proc(5), where the state is field 3.
  const field = (number: number) => Number(fields[number - 3]);
  const stat: ProcessStat = {
    pid: Number(text.slice(0, open - 1)),
    name: text.slice(open + 1, close),
    state: fields[0] ?? '',
    ppid: field(4),
    kernelThread: (field(9) & kernelThreadFlag) !== 0,
    cpuTicks: field(14) + field(15),
    threads: field(20),
    startTime: field(22),
    rssPages: field(24),
  };
  const numbers = [stat.pid, stat.ppid, stat.cpuTicks, stat.threads, stat.startTime, stat.rssPages];
  return stat.state.length === 1 && numbers.every(Number.isSafeInteger) ? stat : null;
}

/** Whether a process is over: dead and waiting to be collected with no thread left that could hold its memory. */
export function isOver(stat: ProcessStat): boolean {
  return (stat.state === 'Z' || stat.state === 'X') && stat.threads <= 1;
}
