#!/usr/bin/env node
import { EmbeddedError } from '@ops/shared/embedded';
import { redactor } from '@ops/shared/secrets';
import { OpsError } from '@ops/shared/streams';
import { CommanderError } from 'commander';
import { CommandError, EXIT, type ExitCode } from './exit-codes.js';
import { watchReaders } from './own-streams.js';
import { createProgram } from './program.js';

watchReaders();

const program = createProgram();
for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)])
  command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}

function report(error: unknown): ExitCode {
  // Help and version are no errors; commander has printed whatever there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`ops: ${redactor.text(message)}\n`);
  if (error instanceof CommandError) return error.exitCode;
  if (error instanceof EmbeddedError) return error.code === 'INSTANCE_IN_USE' ? EXIT.conflict : EXIT.failed;
  if (error instanceof OpsError)
    return error.code === 'CONFIG_INVALID' || error.code === 'ENVIRONMENT_INVALID'
      ? EXIT.usage
      : error.code === 'PORT_IN_USE'
        ? EXIT.conflict
        : EXIT.failed;
  return EXIT.failed;
}
