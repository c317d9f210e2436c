import { Command, Option } from 'commander';
import { alertCommands } from './commands/alerts.js';
import { cronCommands } from './commands/cron.js';
import { deadLettersCommand } from './commands/dead-letters.js';
import { deployCommands } from './commands/deploy.js';
import { deploymentsCommands } from './commands/deployments.js';
import { doctorCommand } from './commands/doctor.js';
import { envCommand } from './commands/env.js';
import { guardCommand } from './commands/guard.js';
import { incidentsCommand } from './commands/incidents.js';
import { replayCommand } from './commands/replay.js';
import { statusCommand } from './commands/status.js';
import { streamsCommand } from './commands/streams.js';
import { tailCommand } from './commands/tail.js';
import { upCommand } from './commands/up.js';
import { FORMATS } from './output.js';

/** The `ops` command with everything under it. */
export function createProgram(): Command {
  const program = new Command('ops')
    .description('keeps one AI stack running: guards its host, watches its services, answers by protocol')
    .addOption(new Option('-o, --output <format>', 'how data is written to stdout').choices([...FORMATS]).default('table'))
    .option('--json', 'short for -o json')
    .option('-q, --quiet', 'say nothing but data and errors')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 denied, 5 conflict, 6 unreachable, 124 timed out.\nData goes to stdout, everything else to stderr. NO_COLOR switches colours off.',
    );
  for (const add of [
    upCommand,
    statusCommand,
    guardCommand,
    alertCommands,
    incidentsCommand,
    deployCommands,
    deploymentsCommands,
    cronCommands,
    streamsCommand,
    tailCommand,
    replayCommand,
    deadLettersCommand,
    doctorCommand,
    envCommand,
  ])
    add(program);
  return program;
}
