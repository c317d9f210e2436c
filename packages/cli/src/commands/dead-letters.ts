import { STREAM_NAMES } from '@ops/shared/events';
import { redactor } from '@ops/shared/secrets';
import {
  type DeadLetter,
  dropDeadLetter,
  listDeadLetters,
  type RedisClient,
  readDeadLetter,
  retryDeadLetter,
} from '@ops/shared/streams';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { ago, columns, printData, say } from '../output.js';

// Fields of the entry, and characters of each: it may be dead because it was too large.
const LISTED = { pairs: 10, characters: 300 };
const SHOWN = { pairs: 50, characters: 1500 };

/** `ops dead-letters [list|show|retry|drop]`: what could not be handled. */
export function deadLettersCommand(program: Command): void {
  const group = program.command('dead-letters').description('entries that could not be handled: list, show, retry, drop');

  group
    .command('list', { isDefault: true })
    .description('all of them, oldest first')
    .action(async (_options: unknown, command: Command) => {
      const { format } = contextOf(command);
      const letters = await withRedis(command, async (redis) =>
        (await Promise.all(STREAM_NAMES.map((stream) => listDeadLetters(redis, stream)))).flat(),
      );
      const data = letters.map((letter) => clean(letter, LISTED));
      printData(format, data, () => (letters.length === 0 ? 'no dead letters' : table(letters)));
    });

  group
    .command('show')
    .argument('<id>', 'its id (`ops dead-letters`)')
    .description('one, with what its entry held; long texts are cut')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { format } = contextOf(command);
      const letter = await withRedis(command, (redis) => find(redis, id));
      printData(format === 'table' ? 'yaml' : format, clean(letter, SHOWN), () => '');
    });

  group
    .command('retry')
    .argument('<id>', 'its id')
    .description('write it to its stream again, for the groups that have not handled it')
    .action(async (id: string, _options: unknown, command: Command) => {
      const { format, quiet } = contextOf(command);
      const entry = await withRedis(command, async (redis) => retryDeadLetter(redis, (await find(redis, id)).stream, id));
      if (format !== 'table') printData(format, { retried: id, entry }, () => '');
      else if (!quiet) say(`retried ${id} as ${entry}`);
    });

  group
    .command('drop')
    .argument('<id>', 'its id')
    .description('remove it for good')
    .option('-y, --yes', 'do it')
    .action(async (id: string, options: { yes?: true }, command: Command) => {
      const { format, quiet } = contextOf(command);
      if (options.yes !== true) throw new CommandError(EXIT.usage, `${id} would be gone for good: say --yes`);
      await withRedis(command, async (redis) => dropDeadLetter(redis, (await find(redis, id)).stream, id));
      if (format !== 'table') printData(format, { dropped: id }, () => '');
      else if (!quiet) say(`dropped ${id}`);
    });
}

async function withRedis<T>(command: Command, work: (redis: RedisClient) => Promise<T>): Promise<T> {
  const redis = await contextOf(command).connection.redis();
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function find(redis: RedisClient, id: string): Promise<DeadLetter> {
  if (!/^\d+-\d+$/.test(id)) throw new CommandError(EXIT.usage, `${JSON.stringify(id)}: expected an id such as 1763900000000-0`);
  for (const stream of STREAM_NAMES) {
    const letter = await readDeadLetter(redis, stream, id);
    if (letter !== undefined) return letter;
  }
  throw new CommandError(EXIT.notFound, `no dead letter ${id}`);
}

// Redacted before it is cut: the half of a secret would not be known for one.
function clean(letter: DeadLetter, most: { pairs: number; characters: number }): DeadLetter {
  const shown = redactor.value(letter) as DeadLetter;
  const fields = shown.fields.slice(0, most.pairs * 2).map((text) => {
    return text.length <= most.characters ? text : `${text.slice(0, most.characters)}…`;
  });
  return { ...shown, fields };
}

function table(letters: readonly DeadLetter[]): string {
  const now = Date.now();
  return columns(
    ['ID', 'STREAM', 'GROUP', 'TYPE', 'AGE', 'CODE', 'REASON'],
    letters.map(({ deadId, stream, group, type, at, code, reasons }) => [
      deadId,
      stream,
      group,
      type === '' ? '-' : type,
      ago(at, now),
      code,
      redactor.text(reasons[0]?.split('\n')[0] ?? '').slice(0, 120),
    ]),
  );
}
