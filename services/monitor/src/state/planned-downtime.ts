import type { InventoryService } from '@ops/shared/config';
import type { EventData } from '@ops/shared/events';

// A deployment whose end is never heard of (its deployer died with its host) excuses nobody for ever.
const LONGEST_MS = 900_000;

type Started = Pick<EventData<'deploy.started'>, 'deployment_id' | 'service' | 'services'>;

/** Which services are being deployed: their containers end on purpose, and come back. Kept in memory: a restart excuses nobody. */
export class PlannedDowntime {
  readonly #services: readonly InventoryService[];
  readonly #running = new Map<string, { readonly names: ReadonlySet<string>; readonly until: number }>();

  constructor(services: readonly InventoryService[]) {
    this.#services = services;
  }

  /** @param now epoch ms */
  begin({ deployment_id, service, services }: Started, now: number): void {
    const parts = new Set(services.map((part) => part.service));
    // Of another project's part of the same name too: it is asked twice then, no more.
    const named = this.#services.filter(({ name, compose }) => name === service || (compose && parts.has(compose.service)));
    this.#running.set(deployment_id, { names: new Set(named.map(({ name }) => name)), until: now + LONGEST_MS });
  }

  end(deploymentId: string): void {
    this.#running.delete(deploymentId);
  }

  has(service: string, now: number): boolean {
    return [...this.#running.values()].some(({ names, until }) => now < until && names.has(service));
  }
}
