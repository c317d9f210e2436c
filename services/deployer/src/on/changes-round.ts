import type { EventDraft } from '@ops/shared/events';
import { dockerClients } from '../act/docker-clients.js';
import { type ContainerChange, isDumping, isOurs, judgeChange, NO_TRAIL, type Trail } from '../decide/out-of-band.js';
import { projectFolders } from '../decide/project-folders.js';
import type { Deployer } from '../deployer.js';
import { activeDeployment, dumpedServices } from '../state/deployments.js';

// What belongs together is said once: a stop is a kill, an end and a stop.
const TOGETHER_MS = 1500;
const AGAIN_MS = 1000;
const JUST_NOW_MS = 5000;

interface Detected {
  readonly first: ContainerChange;
  readonly what: Set<string>;
  readonly who: string;
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
    const { database, clock } = this.#deployer;
    const exec = change.action.startsWith('exec_create');
    const healthCommand = exec ? await this.#healthCommand(change.id) : null;
    const { what, trail } = judgeChange(change, this.#trails.get(change.id) ?? NO_TRAIL, healthCommand);
    if (change.action === 'destroy') {
      this.#trails.delete(change.id);
      this.#healthCommands.delete(change.id);
    } else this.#trails.set(change.id, trail);
    if (what === undefined) return;
    const known = this.#detected.get(change.id);
    if (known !== undefined) {
      known.what.add(what);
      return;
    }
    if (exec && isDumping(change, await this.#dumped(change.folder))) return;
    const who = await dockerClients();
    // Without PostgreSQL no deployment changes anything: what is done then is somebody else's, and must not be lost.
    const active = await activeDeployment(database, change.folder).catch(() => undefined);
    const facts =
      active === undefined
        ? undefined
        : {
            step: active.step,
            touched: active.touched,
            endedMsAgo: active.finished_at === null ? null : clock.now() - active.finished_at.getTime(),
          };
    if (isOurs(change, facts)) return;
    this.#detected.set(change.id, { first: change, what: new Set([what]), who });
    void clock.sleep(TOGETHER_MS, signal).then(() => this.#say(change.id));
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

  async #say(id: string): Promise<void> {
    const detected = this.#detected.get(id);
    this.#detected.delete(id);
    if (detected === undefined) return;
    const { publisher, log } = this.#deployer;
    await publisher
      .publish([this.#event(detected)])
      .catch((error: unknown) => log.warn({ container: id, error }, 'a change could not be said'));
  }

  #event({ first, what, who }: Detected): EventDraft {
    const { config, host } = this.#deployer;
    const known = config.inventory.services.find(
      ({ compose }) => compose?.project === first.folder && compose.service === first.service,
    );
    const service = known?.name ?? (first.service || first.name);
    const done = [...what].join(', ');
    return {
      type: 'security.detected',
      subject: service,
      host,
      at: first.at,
      // The same for every deployer that sees it.
      purpose: `out-of-band ${first.id} ${first.at}`,
      data: {
        kind: 'out-of-band-change',
        service,
        summary: `container ${first.name} of ${service} was ${done}, and not by a deployment`,
        who: who.slice(0, 500),
        what: `${done}: ${first.name}`,
        timestamp: new Date(first.at).toISOString(),
      },
    };
  }
}
