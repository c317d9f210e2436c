import { spawn } from 'node:child_process';
import { decodeEntry, STREAM_NAMES } from '@ops/shared/events';
import { type RedisClient, type Replayed, readRange, replayInto } from '@ops/shared/streams';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { eventFilter, type FilterOptions, filterOptions } from '../event-filter.js';
import { printEvent, shownEvent } from '../event-line.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { place } from '../options.js';
import { columns, printData, say } from '../output.js';

interface ReplayOptions extends FilterOptions {
  readonly from: string;
  readonly to: string;
  readonly group?: string;
  readonly exec?: string;
  readonly keepGoing?: true;
  readonly yes?: true;
}

/** `ops replay`: events of the past again, to the screen, into a shell command, or for one group. */
export function replayCommand(program: Command): void {
  filterOptions(
    program.command('replay').description('events of the past again: printed, given to a command, or handled again by a group'),
  )
    .requiredOption('--from <place>', 'first event: 2h (ago), 2026-11-25T10:00:00Z, an entry id, or - for the beginning', place)
    .option('--to <place>', 'last event, in the same forms', place, '+')
    .option('--exec <command>', 'a shell command for each event, which gets it as JSON on stdin')
    .option('--keep-going', 'with --exec: go on after a command that fails')
    .option('--group <name>', 'this group handles the events again; nobody else sees them')
    .option('-y, --yes', 'with --group: do it; without, only the figures are shown')
    .action(async (options: ReplayOptions, command: Command) => {
      if (options.group !== undefined && options.exec !== undefined)
        throw new CommandError(EXIT.usage, '--group and --exec: expected one of them');
      const redis = await contextOf(command).connection.redis();
      try {
        if (options.group === undefined) await toShell(redis, options, command);
        else await toGroup(redis, options.group, options, command);
      } finally {
        redis.disconnect();
      }
    });
}

async function toShell(redis: RedisClient, options: ReplayOptions, command: Command): Promise<void> {
  const { format, quiet } = contextOf(command);
  const wanted = eventFilter(options);
  let [done, failed] = [0, 0];
  for (const stream of options.stream ?? STREAM_NAMES) {
    for await (const [id, fields] of readRange(redis, stream, options.from, options.to)) {
      const decoded = decodeEntry(stream, id, fields);
      if (!wanted(decoded)) continue;
      if (options.exec === undefined) {
        printEvent(format, stream, id, decoded);
        continue;
      }
      const code = await give(options.exec, shownEvent(stream, id, decoded));
      if (code === 0) done += 1;
      else failed += 1;
      if (code !== 0 && options.keepGoing !== true)
        throw new CommandError(EXIT.failed, `the command ended with ${code} for ${stream} ${id}; ${done} before it were done`);
    }
  }
  if (options.exec !== undefined && !quiet) say(`${done} done, ${failed} failed`);
  if (failed > 0) process.exitCode = EXIT.failed;
}

async function toGroup(redis: RedisClient, group: string, options: ReplayOptions, command: Command): Promise<void> {
  const { format, quiet } = contextOf(command);
  const range = { from: options.from, to: options.to, wanted: eventFilter(options) };
  const results: ({ stream: string; group: string } & Replayed)[] = [];
  for (const stream of options.stream ?? STREAM_NAMES) {
    try {
      results.push({ stream, group, ...(await replayInto(redis, stream, group, range, options.yes !== true)) });
    } catch (error) {
      // Named by nobody, a stream that the group does not read is no mistake.
      if (!(error instanceof Error && error.message.startsWith('NOGROUP')) || options.stream !== undefined) throw error;
    }
  }
  if (results.length === 0) throw new CommandError(EXIT.notFound, `no stream has a group ${group}`);
  printData(format, results, () =>
    columns(
      ['STREAM', 'GROUP', options.yes === true ? 'HANDLED AGAIN' : 'WOULD BE', 'NOT READ YET', 'OLDER ONES ARE GONE'],
      results.map(({ stream, again, unread, trimmed }) => [stream, group, String(again), String(unread), trimmed ? 'yes' : 'no']),
    ),
  );
  if (options.yes !== true && !quiet) say('nothing was changed: say --yes');
}

/** Runs the command with the event on its stdin; its exit code. */
function give(shell: string, event: unknown): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', shell], { stdio: ['pipe', 'inherit', 'inherit'] });
    child.once('error', () => resolve(127));
    child.once('close', (code) => resolve(code ?? 128));
    // One that does not read its input is no failure.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(event)}\n`);
  });
}
