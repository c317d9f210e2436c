import { dockerCommand } from './docker-command.js';

const CHECK_MS = 30_000;

/** `docker stack`, for what only it decides: what of a Compose file a Swarm takes, and how. */
export class Stack {
  readonly #dockerHost: string | undefined;

  constructor(dockerHost: string | undefined) {
    this.#dockerHost = dockerHost;
  }

  /** Rejects with a DockerCommandError for a file that `docker stack deploy` would refuse. Needs no engine. */
  async check(folder: string, file: object): Promise<void> {
    await dockerCommand(['stack', 'config', '--compose-file', '-'], {
      name: 'stack config',
      folder,
      dockerHost: this.#dockerHost,
      signal: AbortSignal.timeout(CHECK_MS),
      input: JSON.stringify(file),
    });
  }

  /**
   * Creates and updates the services of a file; other services of the stack are left. No registry is asked which image is meant.
   * @param socket the engine as this deployment may see it
   */
  async deploy(
    stack: string,
    { folder, file, socket, signal }: { folder: string; file: object; socket: string; signal: AbortSignal },
  ): Promise<void> {
    const how = ['--resolve-image', 'never', '--with-registry-auth', '--detach=true'];
    await dockerCommand(['stack', 'deploy', ...how, '--compose-file', '-', stack], {
      name: 'stack deploy',
      folder,
      dockerHost: `unix://${socket}`,
      signal,
      input: JSON.stringify(file),
    });
  }
}
