import { isUnavailable } from '@ops/shared/streams';
import { isDeadHolder, ownHolder } from '../act/holder.js';
import type { Deployer } from '../deployer.js';
import type { Deployment } from '../deployment-types.js';
import { heads } from '../state/deployments.js';
import { LeaseLostError } from '../state/journal.js';
import { ProjectLease } from '../state/leases.js';
import { runDeployment } from './run-deployment.js';

const LOOK_EVERY_MS = 1000;

/** Takes up what may be worked on: the oldest open deployment of each project, one deployer each. */
export class DeploymentsRound {
  readonly #deployer: Deployer;
  readonly #holder: string;
  readonly #working = new Map<string, Promise<void>>();
  readonly #stop: AbortController = new AbortController();
  #wake: () => void = () => undefined;
  #nudged = false;

  constructor(deployer: Deployer) {
    this.#deployer = deployer;
    this.#holder = ownHolder(deployer.host);
  }

  /** Looks now, not in a second. */
  nudge(): void {
    this.#nudged = true;
    this.#wake();
  }

  async round(signal: AbortSignal): Promise<number> {
    const { database, clock } = this.#deployer;
    this.#nudged = false;
    for (const deployment of await heads(database)) {
      if (this.#working.has(deployment.lane) || !isDue(deployment, clock.now())) continue;
      const lease = await this.#take(deployment.lane);
      if (lease === undefined) continue;
      const work = this.#work(lease, deployment).finally(() => {
        this.#working.delete(deployment.lane);
        this.nudge();
      });
      this.#working.set(deployment.lane, work);
    }
    if (!this.#nudged) {
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await clock.sleep(LOOK_EVERY_MS, AbortSignal.any([signal, woken.signal]));
    }
    return 0;
  }

  /** Leaves every deployment where it is: it goes on where we, or others, take it up. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the deployer stops'));
    await Promise.all(this.#working.values());
  }

  // One project whose row somebody holds must not keep us from the others.
  async #take(lane: string): Promise<ProjectLease | undefined> {
    const { database, clock, log } = this.#deployer;
    try {
      return await ProjectLease.take(database, lane, this.#holder, { monotonic: () => clock.monotonic(), isDead: isDeadHolder });
    } catch (error) {
      log.warn({ lane, error }, 'the lease of a project could not be asked for');
      return undefined;
    }
  }

  async #work(lease: ProjectLease, head: Deployment): Promise<void> {
    const { log, database } = this.#deployer;
    const { signal } = this.#stop;
    try {
      // Read again now that it is ours: another may have brought it on meanwhile.
      const current = (await heads(database)).find(({ deployment_id }) => deployment_id === head.deployment_id);
      if (current !== undefined && !signal.aborted) await runDeployment(this.#deployer, lease, current, signal);
    } catch (error) {
      const expected = signal.aborted || error instanceof LeaseLostError || isUnavailable(error);
      const facts = { deployment: head.deployment_id, error };
      if (expected) log.info(facts, 'a deployment is left where it is');
      else log.error(facts, 'a deployment cannot go on: it is taken up again');
      await this.#deployer.clock.sleep(expected ? 0 : LOOK_EVERY_MS, signal);
    } finally {
      await lease.release().catch(() => undefined);
    }
  }
}

function isDue({ waits_for, wake_at }: Deployment, now: number): boolean {
  return waits_for === null || (wake_at !== null && wake_at.getTime() <= now);
}
