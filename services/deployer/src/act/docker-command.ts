import { toolEnvironment } from '@ops/shared/runtime';
import { OpsError } from '@ops/shared/streams';
import { execa } from 'execa';
import { lastWholeLines } from './last-lines.js';

const LONGEST_OUTPUT = 20_000;

/** A command of Docker's command line said no; `output` is what it said, which may hold secrets of the project. */
export class DockerCommandError extends OpsError {
  readonly output: string;

  constructor(command: string, output: string) {
    super('DOCKER_COMMAND_FAILED', `docker ${command} failed`, { fields: { command, output } });
    this.output = output;
  }
}

export interface DockerCommandOptions {
  /** For the error: `compose up`. */
  readonly name: string;
  readonly folder: string;
  readonly dockerHost: string | undefined;
  readonly signal: AbortSignal;
  readonly input?: string | undefined;
}

/** Runs `docker` with these arguments. Rejects with a {@link DockerCommandError}. */
export async function dockerCommand(
  args: readonly string[],
  { name, folder, dockerHost, signal, input }: DockerCommandOptions,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  try {
    return await execa('docker', args, {
      cwd: folder,
      extendEnv: false,
      env: { ...toolEnvironment(), ...(dockerHost === undefined ? {} : { DOCKER_HOST: dockerHost }) },
      cancelSignal: signal,
      forceKillAfterDelay: 2000,
      maxBuffer: 16 * 1024 * 1024,
      ...(input === undefined ? { stdin: 'ignore' as const } : { input }),
    });
  } catch (cause) {
    const said = cause instanceof Error && 'stderr' in cause ? String(cause.stderr) : String(cause);
    // execa's own error has the command line and the output in its text: only what Docker said goes on.
    throw new DockerCommandError(name, lastWholeLines(said.trim(), LONGEST_OUTPUT));
  }
}
