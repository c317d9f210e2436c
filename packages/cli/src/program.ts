import { Command, Option } from 'commander';
import { FORMATS } from './output.js';

// Loaded when they are named: one that runs a job of every minute must not wait for what `ops tail` needs.
const COMMANDS: readonly { readonly names: readonly string[]; readonly load: () => Promise<(program: Command) => void> }[] = [
  { names: ['up'], load: async () => (await import('./commands/up.js')).upCommand },
  { names: ['status'], load: async () => (await import('./commands/status.js')).statusCommand },
  { names: ['guard'], load: async () => (await import('./commands/guard.js')).guardCommand },
  {
    names: ['alerts', 'ack', 'silence', 'unsilence'],
    load: async () => (await import('./commands/alerts.js')).alertCommands,
  },
  { names: ['incidents'], load: async () => (await import('./commands/incidents.js')).incidentsCommand },
  { names: ['deploy', 'plan', 'rollback'], load: async () => (await import('./commands/deploy.js')).deployCommands },
  {
    names: ['deployments', 'approve', 'reject', 'freeze', 'unfreeze'],
    load: async () => (await import('./commands/deployments.js')).deploymentsCommands,
  },
  { names: ['cron'], load: async () => (await import('./commands/cron.js')).cronCommands },
  { names: ['streams'], load: async () => (await import('./commands/streams.js')).streamsCommand },
  { names: ['tail'], load: async () => (await import('./commands/tail.js')).tailCommand },
  { names: ['replay'], load: async () => (await import('./commands/replay.js')).replayCommand },
  { names: ['dead-letters'], load: async () => (await import('./commands/dead-letters.js')).deadLettersCommand },
  { names: ['doctor'], load: async () => (await import('./commands/doctor.js')).doctorCommand },
  { names: ['env'], load: async () => (await import('./commands/env.js')).envCommand },
];

/** The `ops` command with what its first word names under it; with everything where that names no command. */
export async function createProgram([first = '']: readonly string[]): Promise<Command> {
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
  const named = COMMANDS.filter(({ names }) => names.includes(first));
  for (const add of await Promise.all((named.length > 0 ? named : COMMANDS).map(({ load }) => load()))) add(program);
  return program;
}
