import Table from 'cli-table3';
import pc from 'picocolors';
import { stringify } from 'yaml';

export const FORMATS = ['table', 'json', 'yaml', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/** Writes data to stdout; everything else that a command says goes to stderr, so that stdout can be piped. */
export function printData(format: Format, data: unknown, table: () => string): void {
  process.stdout.write(rendered(format, data, table));
}

/** A text of others as a terminal may have it: a process can have any bytes in its name, and a control sequence is not for us to pass on. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?');
}

/** Says something to the person, on stderr. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function rendered(format: Format, data: unknown, table: () => string): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(data, null, 2)}\n`;
    case 'yaml':
      return stringify(data);
    case 'ndjson':
      return (Array.isArray(data) ? data : [data]).map((item) => `${JSON.stringify(item)}\n`).join('');
    case 'table':
      return `${table()}\n`;
  }
}

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Rows under a head, in columns. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: head.map((word) => pc.dim(word)),
    chars: BORDERLESS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

const TINTS: Readonly<Record<string, (text: string) => string>> = {
  normal: pc.green,
  up: pc.green,
  ok: pc.green,
  warn: pc.yellow,
  warning: pc.yellow,
  degraded: pc.yellow,
  critical: pc.red,
  down: pc.red,
  emergency: (text) => pc.bold(pc.bgRed(pc.white(text))),
  unknown: pc.magenta,
  missing: pc.red,
  succeeded: pc.green,
  failed: pc.red,
  blocked: pc.yellow,
  'rolled-back': pc.yellow,
};

/** A status word in its colour; without one where colours are off. */
export function tinted(word: string): string {
  return (TINTS[word] ?? ((text: string) => text))(word);
}

/** How long ago, or how long: `42 s`, `3 min`, `2.5 h`, `4 d`. */
export function span(seconds: number): string {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

/** The time since an ISO time, or `-`. */
export function ago(iso: string | null, now: number): string {
  return iso === null ? '-' : span(Math.max(0, (now - Date.parse(iso)) / 1000));
}
