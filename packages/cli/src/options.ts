import { parseDuration } from '@ops/shared/config';
import { InvalidArgumentError } from 'commander';

/** A duration option, in ms. */
export function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('expected a duration such as 30s, 5m or 2h');
  return ms;
}
