import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { printData } from '../output.js';

/** `ops env`: what another program on this machine needs to talk to the running instance. It prints secrets: that is what it is for. */
export function envCommand(program: Command): void {
  program
    .command('env')
    .description('the addresses of the running instance as shell exports, passwords and token included')
    .action(async (_options: unknown, command: Command) => {
      const { connection, format } = contextOf(command);
      const values = await connection.addresses();
      printData(format, values, () =>
        Object.entries(values)
          .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`)
          .join('\n'),
      );
    });
}
