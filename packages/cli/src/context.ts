import type { Command } from 'commander';
import { Connection } from './connection.js';
import type { Format } from './output.js';

/** What every command gets: the connection and the global options. */
export interface CliContext {
  readonly connection: Connection;
  readonly format: Format;
  readonly quiet: boolean;
}

/** The context of a command, from its own and its parents' options. */
export function contextOf(command: Command): CliContext {
  const { output, json, quiet } = command.optsWithGlobals<{ output: Format; json?: true; quiet?: true }>();
  return { connection: new Connection(), format: json === true ? 'json' : output, quiet: quiet === true };
}
