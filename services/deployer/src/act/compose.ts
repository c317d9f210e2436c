import { toolEnvironment } from '@ops/shared/runtime';
import { OpsError } from '@ops/shared/streams';
import { execa } from 'execa';
import { type ComposeModel, composeModel } from '../compose-model.js';
import { lastWholeLines } from './last-lines.js';

/** `docker compose` said no; `output` is what it said, without secrets. */
export class ComposeError extends OpsError {
  readonly output: string;

  constructor(verb: string, output: string, cause: unknown) {
    super('COMPOSE_FAILED', `docker compose ${verb} failed`, { fields: { verb, output }, cause });
    this.output = output;
  }
}

/** Which project a command is about. */
export interface ComposeProject {
  readonly folder: string;
  /** Absolute paths, `-` for what is written to it; empty where Compose chooses by itself. */
  readonly files: readonly string[];
}

/** What Compose says to a project that it can read, and what it warns of. */
export interface Rendered {
  readonly model: ComposeModel;
  /** Service → the hash that Compose puts on its containers. */
  readonly hashes: Readonly<Record<string, string>>;
  readonly unsetVariables: readonly string[];
}

const CONFIG_MS = 30_000;
const LONGEST_OUTPUT = 20_000;

/** What only Compose can decide, through its command line. */
export class Compose {
  readonly #dockerHost: string | undefined;

  constructor(dockerHost: string | undefined) {
    this.#dockerHost = dockerHost;
  }

  /** The project, rendered. Needs no engine. Rejects with a {@link ComposeError} for files that Compose refuses. */
  async render(project: ComposeProject): Promise<Rendered> {
    const model = await this.#read(project, ['config', '--format', 'json']);
    // Of the rendered project: of the files Compose tells another hash than it puts on containers, where a service has an env file.
    const hashes = await this.#read({ ...project, files: ['-'] }, ['config', '--hash', '*'], model.stdout);
    const lines = hashes.stdout.split('\n').map((line) => line.trim().split(/\s+/));
    return {
      model: composeModel.parse(JSON.parse(model.stdout)),
      hashes: Object.fromEntries(lines.filter(([name, hash]) => name && hash).map(([name, hash]) => [name ?? '', hash ?? ''])),
      unsetVariables: [
        ...new Set([...model.stderr.matchAll(/The \\?"([^"\\]+)\\?" variable is not set/g)].map(([, name]) => name ?? '')),
      ],
    };
  }

  /** Fetches or builds the images of these services. Rejects with a {@link ComposeError}. */
  async prepare(
    verb: 'pull' | 'build',
    project: ComposeProject,
    services: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.#run(verb, project, [verb, ...(verb === 'pull' ? ['--quiet'] : []), ...services], { signal });
  }

  /**
   * Creates and starts what is not there, and leaves alone what is: nothing is pulled, built, recreated or removed.
   * @param socket the engine as this deployment may see it
   */
  async up(
    project: ComposeProject,
    services: readonly string[],
    { socket, recreate, signal }: { socket: string; recreate: boolean; signal: AbortSignal },
  ): Promise<void> {
    const how = ['--detach', '--no-build', '--pull', 'never', recreate ? '--force-recreate' : '--no-recreate'];
    await this.#run('up', project, ['up', ...how, ...services], { signal, dockerHost: `unix://${socket}` });
  }

  #read(project: ComposeProject, args: readonly string[], input?: string): Promise<{ stdout: string; stderr: string }> {
    return this.#run('config', project, args, { signal: AbortSignal.timeout(CONFIG_MS), input });
  }

  async #run(
    verb: string,
    { folder, files }: ComposeProject,
    args: readonly string[],
    {
      signal,
      dockerHost = this.#dockerHost,
      input,
    }: { signal: AbortSignal; dockerHost?: string | undefined; input?: string | undefined },
  ): Promise<{ stdout: string; stderr: string }> {
    const where = ['--project-directory', folder, ...files.flatMap((file) => ['--file', file])];
    try {
      return await execa('docker', ['compose', '--ansi', 'never', ...where, ...args], {
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
      // execa's own error has the command line and the output in its text: only what Compose said goes on.
      throw new ComposeError(verb, lastWholeLines(said.trim(), LONGEST_OUTPUT), undefined);
    }
  }
}
