import { type ComposeModel, composeModel } from '../compose-model.js';
import { dockerCommand } from './docker-command.js';

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

/** What only Compose can decide, through its command line. */
export class Compose {
  readonly #dockerHost: string | undefined;

  constructor(dockerHost: string | undefined) {
    this.#dockerHost = dockerHost;
  }

  /** The project, rendered. Needs no engine. Rejects with a DockerCommandError for files that Compose refuses. */
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

  /** Fetches or builds the images of these services. Rejects with a DockerCommandError. */
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

  #run(
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
    const whole = ['compose', '--ansi', 'never', ...where, ...args];
    return dockerCommand(whole, { name: `compose ${verb}`, folder, dockerHost, signal, input });
  }
}
