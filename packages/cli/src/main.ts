#!/usr/bin/env node
import { redactor } from '@ops/shared/secrets';
import { CommanderError } from 'commander';
import { CommandError, EXIT, type ExitCode } from './exit-codes.js';
import { watchReaders } from './own-streams.js';
import { createProgram } from './program.js';

watchReaders();

const program = await createProgram(process.argv.slice(2));
for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = await report(error);
}

async function report(error: unknown): Promise<ExitCode> {
  // Help and version are no errors; commander has printed whatever there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`ops: ${redactor.text(message)}\n`);
  if (error instanceof CommandError) return error.exitCode;
  // Loaded here, and not above: most commands need neither.
  const [{ EmbeddedError }, { OpsError }] = await Promise.all([import('@ops/shared/embedded'), import('@ops/shared/streams')]);
  if (error instanceof EmbeddedError) return error.code === 'INSTANCE_IN_USE' ? EXIT.conflict : EXIT.failed;
  if (error instanceof OpsError)
    return error.code === 'CONFIG_INVALID' || error.code === 'ENVIRONMENT_INVALID'
      ? EXIT.usage
      : error.code === 'PORT_IN_USE'
        ? EXIT.conflict
        : EXIT.failed;
  return EXIT.failed;
}
