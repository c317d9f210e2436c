import { parseDuration } from '@ops/shared/environment';
import { InvalidArgumentError } from 'commander';

/** A duration option, in ms. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('expected a duration such as 30s, 5m or 2h');
  return ms;
}

/** A count option. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}

/** A place in a stream, as an entry id: so long ago, a time, an entry id, `-` or `+`. */
export function place(text: string): string {
  if (text === '-' || text === '+' || /^\d+-\d+$/.test(text)) return text;
  const ago = parseDuration(text);
  if (ago !== undefined) return `${Math.max(0, Math.floor(Date.now() - ago))}`;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError('expected a duration (2h), a time (2026-11-25T10:00:00Z), an entry id, - or +');
  return `${time}`;
}
