import type { InventoryService } from '@ops/shared/config';
import { believedStatus } from './check-state.js';
import type { CheckState } from './check-types.js';

type Dependent = Pick<InventoryService, 'name' | 'depends_on' | 'down_after' | 'up_after' | 'interval' | 'timeout'>;

/** Whose fault it is: `own`, `theirs` (a service that it depends on is worse or as bad), or `wait` (that is not known yet). */
export type Blame = 'own' | 'theirs' | 'wait';

/** The services with their states, as far as dependencies go. */
export class Dependencies {
  readonly #services: ReadonlyMap<string, Dependent>;
  readonly #states: ReadonlyMap<string, CheckState>;

  constructor(services: readonly Dependent[], states: readonly CheckState[]) {
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#states = new Map(states.map((state) => [state.service, state]));
  }

  /** Every service that this one needs, directly or through others. */
  needs(name: string, seen: Set<string> = new Set()): ReadonlySet<string> {
    for (const parent of this.#services.get(name)?.depends_on ?? []) {
      if (seen.has(parent)) continue;
      seen.add(parent);
      this.needs(parent, seen);
    }
    return seen;
  }

  /** Services that are down or degraded, or about to be, because of this one. */
  affectedBy(name: string): readonly string[] {
    const level = this.#badness(name);
    return [...this.#services.keys()].filter((other) => {
      const badness = this.#badness(other);
      const ill = (badness > 0 && badness <= level) || this.#states.get(other)?.suspect === true;
      return ill && this.needs(other).has(name);
    });
  }

  /** Who is to blame for a service that is down or degraded. */
  blame(name: string, now: number): Blame {
    const state = this.#states.get(name);
    const parents = [...this.needs(name)].flatMap((parent) => this.#states.get(parent) ?? []);
    if (state === undefined) return 'wait';
    if (parents.some(({ service }) => this.#badness(service) >= this.#badness(name))) return 'theirs';
    return parents.some((parent) => this.#mustWait(state, parent, now)) ? 'wait' : 'own';
  }

  #mustWait(state: CheckState, parent: CheckState, now: number): boolean {
    if (parent.suspect) return true;
    if (parent.status !== 'up' && parent.status !== 'degraded') return parent.status === 'unknown' && parent.checkedAt === null;
    const since = state.since ?? now;
    const { checkedAt, answeredAt, recoveredAt } = parent;
    // It was not asked since, or could not be: its next answer decides, or its becoming unknown.
    if (answeredAt === null || answeredAt < since || (checkedAt ?? 0) > answeredAt) return true;
    if (recoveredAt === null || recoveredAt < since) return false;
    // It has come back after the child fell: the child gets the time to find out.
    return now - recoveredAt < this.#toRecover(state.service) || state.good > 0;
  }

  #toRecover(name: string): number {
    const service = this.#services.get(name);
    return service === undefined ? 0 : (service.up_after + 2) * Math.max(service.interval, service.timeout);
  }

  #badness(name: string): number {
    const state = this.#states.get(name);
    const service = this.#services.get(name);
    if (state === undefined || service === undefined) return 0;
    const status = believedStatus(state, service.down_after);
    return status === 'down' ? 2 : status === 'degraded' ? 1 : 0;
  }
}
