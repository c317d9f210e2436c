import { dockerClients } from '../act/docker-clients.js';
import { type ContainerChange, isDumping, judgeChange, NO_TRAIL, type Trail } from '../decide/out-of-band.js';
import { projectFolders } from '../decide/project-folders.js';
import type { Deployer } from '../deployer.js';
import { dumpedServices } from '../state/deployments.js';
import { isByDeployment, sayChange } from './say-change.js';

// What belongs together is said once: a stop is a kill, an end and a stop. To enter a container is a matter of its own.
const TOGETHER_MS = 1500;
const AGAIN_MS = 1000;
const JUST_NOW_MS = 5000;

interface Detected {
  readonly first: ContainerChange;
  readonly what: Set<string>;
  /** Everybody who may have done one of these. */
  readonly who: Set<string>;
}

/** Sees every change to a container of the inventory that the deployer has not made: no direct production changes. */
export class ChangesRound {
  readonly #deployer: Deployer;
  readonly #trails = new Map<string, Trail>();
  readonly #healthCommands = new Map<string, string | null>();
  readonly #detected = new Map<string, Detected>();

  constructor(deployer: Deployer) {
    this.#deployer = deployer;
  }

  /** Listens for the life of one connection to the engine. */
  async round(signal: AbortSignal): Promise<number> {
    const { engine, config } = this.#deployer;
    const folders = projectFolders(config.inventory.services);
    if (folders.size === 0 || !config.docker.enabled) return 3_600_000;
    try {
      for await (const change of await engine.changes(signal)) {
        if (folders.has(change.folder)) await this.#take(change, signal);
      }
    } finally {
      // The engine went away: what it did to its containers on the way is nobody's change.
      this.#detected.clear();
      this.#trails.clear();
    }
    return AGAIN_MS;
  }

  async #take(change: ContainerChange, signal: AbortSignal): Promise<void> {
    const { clock } = this.#deployer;
    const exec = change.action.startsWith('exec_create');
    const healthCommand = exec ? await this.#healthCommand(change.id) : null;
    const { what, trail } = judgeChange(change, this.#trails.get(change.id) ?? NO_TRAIL, healthCommand);
    if (change.action === 'destroy') {
      this.#trails.delete(change.id);
      this.#healthCommands.delete(change.id);
    } else this.#trails.set(change.id, trail);
    if (what === undefined) return;
    // Looked for at once: who stops a container is gone a moment later.
    const clients = dockerClients();
    if (exec && isDumping(change, await this.#dumped(change.folder))) return;
    if (await isByDeployment(this.#deployer, change.folder, change.name)) return;
    const who = await clients;
    const matter = `${exec ? 'entered' : 'changed'} ${change.id}`;
    const known = this.#detected.get(matter);
    if (known !== undefined) {
      known.what.add(what);
      for (const client of who) known.who.add(client);
      return;
    }
    this.#detected.set(matter, { first: change, what: new Set([what]), who: new Set(who) });
    void clock.sleep(TOGETHER_MS, signal).then(() => this.#say(matter));
  }

  async #dumped(folder: string): Promise<ReadonlySet<string>> {
    const { database, clock } = this.#deployer;
    return dumpedServices(database, folder, new Date(clock.now() - JUST_NOW_MS)).catch(() => new Set<string>());
  }

  // Asked once: a health check is an exec each time.
  async #healthCommand(id: string): Promise<string | null> {
    const known = this.#healthCommands.get(id);
    if (known !== undefined) return known;
    const command = await this.#deployer.engine.healthCommand(id).catch(() => null);
    this.#healthCommands.set(id, command);
    return command;
  }

  async #say(matter: string): Promise<void> {
    const detected = this.#detected.get(matter);
    this.#detected.delete(matter);
    if (detected === undefined) return;
    const { first, what, who } = detected;
    const { folder, service, at, name } = first;
    const change = { id: matter, thing: `container ${name}`, folder, service, at, done: [...what].join(', '), who: [...who] };
    await sayChange(this.#deployer, change);
  }
}
