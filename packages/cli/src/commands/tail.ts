import { decodeEntry, STREAM_NAMES } from '@ops/shared/events';
import { StreamTail, type TailedEntry } from '@ops/shared/streams';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { eventFilter, type FilterOptions, filterOptions } from '../event-filter.js';
import { printEvent } from '../event-line.js';
import { count, duration } from '../options.js';
import { say } from '../output.js';

interface TailOptions extends FilterOptions {
  readonly since?: number;
  readonly follow: boolean;
  readonly limit?: number;
}

/** `ops tail`: the events, as they come, merged over the streams. */
export function tailCommand(program: Command): void {
  filterOptions(program.command('tail').description('the events as they come; without a terminal use -o ndjson'))
    .option('--since <duration>', 'begin so long ago: 10m, 2h', duration)
    .option('-n, --limit <count>', 'end after so many events', count)
    .option('--no-follow', 'end when there are no more')
    .action(async (options: TailOptions, command: Command) => {
      const { connection, format } = contextOf(command);
      const redis = await connection.redis();
      const start = options.follow ? '$' : '0-0';
      const tail = new StreamTail({
        client: redis,
        streams: options.stream ?? STREAM_NAMES,
        from: options.since === undefined ? start : `${Date.now() - options.since}-0`,
        onNotice: say,
      });
      const wanted = eventFilter(options);
      let left = options.limit ?? Number.POSITIVE_INFINITY;
      try {
        for await (const entries of options.follow ? tail.follow() : allOf(tail)) {
          for (const { stream, id, fields } of entries) {
            const decoded = decodeEntry(stream, id, fields);
            if (!wanted(decoded)) continue;
            printEvent(format, stream, id, decoded);
            left -= 1;
            if (left <= 0) return;
          }
        }
      } finally {
        redis.disconnect();
      }
    });
}

async function* allOf(tail: StreamTail): AsyncGenerator<readonly TailedEntry[]> {
  for (;;) {
    const entries = await tail.read();
    if (entries.length === 0) return;
    yield entries;
  }
}
