import { keys, STREAM_NAMES } from '@ops/shared/events';
import { groupLags, type RedisClient } from '@ops/shared/streams';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { ago, columns, printData } from '../output.js';

/** A group of a stream, or a stream without groups. */
interface StreamRow {
  readonly stream: string;
  readonly entries: number;
  readonly dead_letters: number;
  readonly group: string | null;
  /** Entries not read yet; at least so many where `lag_exact` is false. */
  readonly lag: number | null;
  readonly lag_exact: boolean | null;
  readonly in_hand: number | null;
  readonly oldest_in_hand: string | null;
  readonly reader: string | null;
  readonly lost: number;
}

/** `ops streams`: what lies on the bus, who reads it, and how far behind they are. */
export function streamsCommand(program: Command): void {
  program
    .command('streams')
    .description('the streams, their groups, who reads, what waits, what was lost')
    .action(async (_options: unknown, command: Command) => {
      const { connection, format } = contextOf(command);
      const redis = await connection.redis();
      try {
        const rows = (await Promise.all(STREAM_NAMES.map((stream) => rowsOf(redis, stream)))).flat();
        printData(format, rows, () => table(rows));
      } finally {
        redis.disconnect();
      }
    });
}

async function rowsOf(redis: RedisClient, stream: string): Promise<StreamRow[]> {
  const [entries, dead, lags] = await Promise.all([
    redis.xlen(stream),
    redis.xlen(keys.deadLetters(stream)),
    groupLags(redis, stream),
  ]);
  const common = { stream, entries, dead_letters: dead };
  if (lags.length === 0)
    return [{ ...common, group: null, lag: null, lag_exact: null, in_hand: null, oldest_in_hand: null, reader: null, lost: 0 }];
  return Promise.all(
    lags.map(async ({ group, lag, exact, pending, oldestPending, unread }) => ({
      ...common,
      group,
      lag,
      lag_exact: exact,
      in_hand: pending,
      oldest_in_hand: oldestPending === null ? null : new Date(Number.parseInt(oldestPending, 10)).toISOString(),
      reader: await redis.get(keys.lease(stream, group)),
      lost: unread?.entries ?? 0,
    })),
  );
}

function table(rows: readonly StreamRow[]): string {
  const now = Date.now();
  return columns(
    ['STREAM', 'ENTRIES', 'DEAD', 'GROUP', 'BEFORE IT', 'IN HAND', 'OLDEST', 'LOST', 'READER'],
    rows.map((row) => [
      row.stream,
      String(row.entries),
      String(row.dead_letters),
      row.group ?? '-',
      row.lag === null ? '-' : `${row.lag_exact === false ? '≥ ' : ''}${row.lag}`,
      row.in_hand === null ? '-' : String(row.in_hand),
      ago(row.oldest_in_hand, now),
      String(row.lost),
      row.reader ?? '-',
    ]),
  );
}
