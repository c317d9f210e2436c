import { dockerClients } from '../act/docker-clients.js';
import { Swarm } from '../act/swarm.js';
import { projectFolders } from '../decide/project-folders.js';
import type { Deployer } from '../deployer.js';
import { currentRelease } from '../state/releases.js';
import { isByDeployment, sayChange } from './say-change.js';

const AGAIN_MS = 1000;

/** Sees every change to a service of a stack of ours that the deployer has not made. */
export class SwarmChangesRound {
  readonly #deployer: Deployer;
  // Folder → stack, as it was last read: a change must not be lost because PostgreSQL is away.
  readonly #stacks = new Map<string, string>();

  constructor(deployer: Deployer) {
    this.#deployer = deployer;
  }

  /** Listens for the life of one connection to the engine. */
  async round(signal: AbortSignal): Promise<number> {
    const { engine, config } = this.#deployer;
    const folders = projectFolders(config.inventory.services);
    if (folders.size === 0 || !config.docker.enabled) return 3_600_000;
    const changes = await new Swarm(engine).changes(signal);
    await this.#readStacks(folders);
    for await (const { id, name, done, at } of changes) {
      await this.#readStacks(folders);
      // Events of services have no labels: a stack is known by what its services are called.
      const [folder, stack] = [...this.#stacks].find(([, project]) => name.startsWith(`${project}_`)) ?? [];
      if (folder === undefined || stack === undefined || (await isByDeployment(this.#deployer, folder, name))) continue;
      const service = name.slice(stack.length + 1);
      const who = await dockerClients();
      await sayChange(this.#deployer, { id, thing: `service ${name}`, folder, service, at, done, who });
    }
    return AGAIN_MS;
  }

  async #readStacks(folders: ReadonlySet<string>): Promise<void> {
    const { database, log } = this.#deployer;
    try {
      for (const folder of folders) {
        const { facts } = (await currentRelease(database, folder)) ?? {};
        if (facts?.orchestrator === 'swarm') this.#stacks.set(folder, facts.project);
        else this.#stacks.delete(folder);
      }
    } catch (error) {
      log.debug({ error }, 'the releases cannot be read: stacks are those that were known');
    }
  }
}
