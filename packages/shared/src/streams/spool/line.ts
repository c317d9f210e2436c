import { crc32 } from 'node:zlib';

/** An encoded event on its way to a stream. */
export interface SpoolEntry {
  readonly stream: string;
  /** The event as JSON, as it will lie in the field `event`. */
  readonly text: string;
}

/** An entry as it lies in a segment. */
export interface SpoolLine extends SpoolEntry {
  /** When it was accepted, epoch ms. */
  readonly at: number;
  /** Whether it is the last one of its call: a call counts only when it is whole. */
  readonly endsCall: boolean;
}

const NEWLINE = 0x0a;
const CHECKSUM = 8;

/**
 * One call as lines: `<crc32> <+ or .><epoch ms> <stream> <json>`. JSON has no line breaks of its own, so that a reader
 * finds the next record behind a damaged one, and so does a person with `less`.
 */
export function encodeCall(entries: readonly SpoolEntry[], at: number): Buffer {
  const last = entries.length - 1;
  const lines = entries.map(({ stream, text }, index) => {
    const content = `${index === last ? '.' : '+'}${at} ${stream} ${text}`;
    return `${crc32(content).toString(16).padStart(CHECKSUM, '0')} ${content}\n`;
  });
  return Buffer.from(lines.join(''));
}

/** What lies at `from`: a line, a damaged one, or the beginning of one that has no end yet. */
export type Found =
  | { readonly kind: 'line'; readonly line: SpoolLine; readonly end: number }
  | { readonly kind: 'damaged'; readonly end: number }
  | { readonly kind: 'unfinished' };

export function lineAt(bytes: Buffer, from: number): Found {
  const newline = bytes.indexOf(NEWLINE, from);
  if (newline < 0) return { kind: 'unfinished' };
  const end = newline + 1;
  const content = bytes.subarray(from + CHECKSUM + 1, newline);
  if (bytes.toString('latin1', from, from + CHECKSUM) !== crc32(content).toString(16).padStart(CHECKSUM, '0'))
    return { kind: 'damaged', end };
  const parts = /^([+.])(\d+) (\S+) (.*)$/s.exec(content.toString());
  if (parts === null) return { kind: 'damaged', end };
  const [, flag, at, stream = '', text = ''] = parts;
  return { kind: 'line', line: { stream, text, at: Number(at), endsCall: flag === '.' }, end };
}
