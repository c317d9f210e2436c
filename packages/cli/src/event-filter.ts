import { type Decoded, STREAM_NAMES } from '@ops/shared/events';
import { type Command, Option } from 'commander';

/** Which events are wanted, as the options say. */
export interface FilterOptions {
  readonly stream?: string[];
  readonly type?: string[];
  readonly exclude?: string[];
  readonly subject?: string;
}

/** Adds the options that choose events. */
export function filterOptions(command: Command): Command {
  return command
    .addOption(new Option('-s, --stream <name...>', 'only these streams').choices([...STREAM_NAMES]))
    .option('-t, --type <pattern...>', 'only these types, * for any text: alert.*')
    .option('-x, --exclude <pattern...>', 'not these types')
    .option('--subject <text>', 'only events about this');
}

/** Whether an entry is wanted. What cannot be read has the type `invalid`. */
export function eventFilter({ type, exclude, subject }: FilterOptions): (decoded: Decoded) => boolean {
  const any = (patterns: readonly string[] | undefined, text: string) =>
    patterns?.some((pattern) => new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`).test(text)) ?? false;
  return (decoded) => {
    const name = decoded.ok ? decoded.event.type : 'invalid';
    if (type !== undefined && !any(type, name)) return false;
    if (any(exclude, name)) return false;
    return subject === undefined || (decoded.ok && decoded.event.subject === subject);
  };
}

const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
