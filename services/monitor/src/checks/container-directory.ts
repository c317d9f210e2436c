import type Docker from 'dockerode';
import type { KnownContainer } from '../decide/runaway-container.js';

/**
 * The running containers as the engine listed them last. It outlives the connection: an id is never used again, so what was known
 * stays true while the engine is away.
 */
export class ContainerDirectory {
  #known: ReadonlyMap<string, KnownContainer> = new Map();
  #listing: Promise<void> | null = null;
  #again = false;

  get known(): ReadonlyMap<string, KnownContainer> {
    return this.#known;
  }

  /** Reads the list anew; asked while it is being read, it reads it once more after that. Rejects where the engine does not give it. */
  async refresh(docker: Docker, signal: AbortSignal): Promise<void> {
    if (this.#listing !== null) {
      this.#again = true;
      return this.#listing;
    }
    this.#listing = this.#read(docker, signal).finally(() => {
      this.#listing = null;
    });
    return this.#listing;
  }

  async #read(docker: Docker, signal: AbortSignal): Promise<void> {
    do {
      this.#again = false;
      const listed = await docker.listContainers({ abortSignal: signal });
      this.#known = new Map(
        listed.map(({ Id: id, Names: [name = ''], Labels: labels }) => [
          id,
          { id, name: name.replace(/^\//, ''), labels: labels ?? {} },
        ]),
      );
    } while (this.#again);
  }
}
