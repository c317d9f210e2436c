import { type Decoded, decodeEntry, STREAM_NAMES } from '@ops/shared/events';
import { redactor } from '@ops/shared/secrets';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { contextOf } from '../context.js';
import { duration } from '../options.js';
import type { Format } from '../output.js';
import { printData } from '../output.js';

interface TailOptions {
  readonly stream?: string[];
  readonly type?: string[];
  readonly exclude?: string[];
  readonly subject?: string;
  readonly since?: number;
  readonly follow: boolean;
  readonly limit?: number;
}

const BLOCK_MS = 2000;

/** `ops tail`: the events, as they come, merged over the streams. */
export function tailCommand(program: Command): void {
  program
    .command('tail')
    .description('the events as they come; without a terminal use -o ndjson')
    .addOption(new Option('-s, --stream <name...>', 'only these streams').choices([...STREAM_NAMES]))
    .option('-t, --type <pattern...>', 'only these types, * for any text: alert.*')
    .option('-x, --exclude <pattern...>', 'not these types')
    .option('--subject <text>', 'only events about this')
    .option('--since <duration>', 'begin so long ago: 10m, 2h', duration)
    .option('-n, --limit <count>', 'end after so many events', count)
    .option('--no-follow', 'end when there are no more')
    .action(async (options: TailOptions, command: Command) => {
      const { connection, format } = contextOf(command);
      const redis = await connection.redis();
      const streams = options.stream ?? [...STREAM_NAMES];
      const start = options.since === undefined ? (options.follow ? '$' : '0-0') : `${Date.now() - options.since}-0`;
      const cursors = new Map(
        await Promise.all(streams.map(async (stream) => [stream, start === '$' ? await lastId(stream) : start] as const)),
      );
      let left = options.limit ?? Number.POSITIVE_INFINITY;
      const wanted = filter(options);
      try {
        for (;;) {
          const read = await (options.follow
            ? redis.xread('COUNT', 200, 'BLOCK', BLOCK_MS, 'STREAMS', ...cursors.keys(), ...cursors.values())
            : redis.xread('COUNT', 200, 'STREAMS', ...cursors.keys(), ...cursors.values()));
          const entries = (read ?? []).flatMap(([stream, found]) => found.map(([id, fields]) => ({ stream, id, fields })));
          for (const { stream, id } of entries) cursors.set(stream, id);
          entries.sort((a, b) => Number.parseInt(a.id, 10) - Number.parseInt(b.id, 10));
          for (const { stream, id, fields } of entries) {
            const decoded = decodeEntry(stream, id, fields);
            if (!wanted(decoded)) continue;
            print(format, stream, id, decoded);
            left -= 1;
            if (left <= 0) return;
          }
          if (!options.follow && entries.length === 0) return;
        }
      } finally {
        redis.disconnect();
      }

      // `$` in a loop of reads would lose what comes between two reads.
      async function lastId(stream: string): Promise<string> {
        const [last] = await redis.xrevrange(stream, '+', '-', 'COUNT', 1);
        return last?.[0] ?? '0-0';
      }
    });
}

function filter({ type, exclude, subject }: TailOptions): (decoded: Decoded) => boolean {
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

function print(format: Format, stream: string, id: string, decoded: Decoded): void {
  const shown = redactor.value(
    decoded.ok ? { stream, entry: id, ...decoded.event } : { stream, entry: id, invalid: decoded.rejection },
  );
  printData(format === 'json' ? 'ndjson' : format, shown, () => {
    const time = new Date(Number.parseInt(id, 10)).toISOString().slice(11, 23);
    if (!decoded.ok) return `${time} ${pc.red(`${stream} ${id} cannot be read: ${decoded.rejection.code}`)}`;
    const { type, subject, correlationid, data } = decoded.event;
    return `${pc.dim(time)} ${pc.cyan(type.padEnd(22))} ${subject.padEnd(18)} ${pc.dim((correlationid ?? '').slice(0, 8).padEnd(8))} ${redactor.text(JSON.stringify(data)).slice(0, 160)}`;
  });
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return value;
}
