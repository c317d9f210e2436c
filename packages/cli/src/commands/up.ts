import type { Command } from 'commander';
import { contextOf } from '../context.js';

/** `ops up`: every service in one process, on servers that it starts itself where none are given. */
export function upCommand(program: Command): void {
  program
    .command('up')
    .description('run everything on this machine, until Ctrl-C or SIGTERM')
    .option('--log-to-stderr', 'write the log to stderr instead of OPS_HOME/logs/ops.ndjson')
    .action(async (options: { logToStderr?: true }, command: Command) => {
      const { connection } = contextOf(command);
      // Here, and not above: no other command waits for the services to be loaded.
      const { hostEverything } = await import('../host-everything.js');
      await hostEverything(connection.environment, options.logToStderr === true);
    });
}
