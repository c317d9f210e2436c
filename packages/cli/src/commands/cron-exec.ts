import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { superviseCommand } from '../supervised-command.js';

/** `ops cron exec <job> -- command…`: runs it, tells of it, ends it where the supervisor says so. */
export function execCommand(cron: Command): void {
  cron
    .command('exec')
    .argument('<job>', 'the id of a heartbeat job')
    .argument('<command...>', 'what to run, after --')
    .description(
      'run a command and tell of its start, its end, its exit code and its output; it ends with the exit code of the command',
    )
    .action(async (job: string, words: string[], _options: object, command: Command) => {
      const { connection } = contextOf(command);
      process.exitCode = await superviseCommand(connection, { job, words, ref: `exec-${randomUUID()}` });
    });
}
