import type { InventoryService } from '@ops/shared/config';
import { expectationOf } from '@ops/shared/probes';
import { Dependencies } from './check-dependencies.js';
import type { CheckState } from './check-types.js';
import type { Condition } from './conditions.js';

const LONGEST_VALUE = 1000;
const LONGEST_SUMMARY = 2000;

/**
 * The services' health as conditions: `down` and `degraded` for each. Who is down because of another raises no alert of his
 * own, and is named by the other's; who cannot be judged (unknown, paused, a parent that is suspect) changes nothing.
 */
export function healthConditions(
  states: readonly CheckState[],
  services: readonly InventoryService[],
  now: number,
): readonly Condition[] {
  const dependencies = new Dependencies(services, states);
  const byName = new Map(states.map((state) => [state.service, state]));
  return services.flatMap((service) => {
    const state = byName.get(service.name);
    // Paused: nobody watches it, and what was wrong with it is nobody's alert.
    return state === undefined || state.status === 'paused'
      ? []
      : [downCondition(service, state, dependencies, now), degradedCondition(service, state, dependencies, now)];
  });
}

function downCondition(service: InventoryService, state: CheckState, dependencies: Dependencies, now: number): Condition {
  const affects = state.status === 'down' ? dependencies.affectedBy(service.name) : [];
  return {
    name: 'down',
    service: service.name,
    metric: 'health',
    state: firing(state, 'down', dependencies, now),
    severity: 'critical',
    status: state.status,
    threshold: expectationOf(service.health).slice(0, LONGEST_VALUE),
    current_value: state.detail.slice(0, LONGEST_VALUE),
    summary: summaryOf(state, affects),
    at: now,
    since: state.since,
    depends_on: [],
    affects,
  };
}

function degradedCondition(service: InventoryService, state: CheckState, dependencies: Dependencies, now: number): Condition {
  const { within } = service.health;
  const slow = state.responseMs !== null && state.responseMs > within;
  const affects = state.status === 'degraded' ? dependencies.affectedBy(service.name) : [];
  return {
    name: 'degraded',
    service: service.name,
    metric: 'health',
    state: firing(state, 'degraded', dependencies, now),
    severity: 'warning',
    status: state.status,
    threshold: slow ? within : expectationOf(service.health).slice(0, LONGEST_VALUE),
    current_value: slow ? state.responseMs : state.detail.slice(0, LONGEST_VALUE),
    summary: summaryOf(state, affects),
    at: now,
    since: state.since,
    depends_on: [],
    affects,
  };
}

function firing(state: CheckState, name: 'down' | 'degraded', dependencies: Dependencies, now: number): Condition['state'] {
  if (state.status === 'unknown' || state.status === 'paused') return 'unknown';
  if (state.status === name) return dependencies.blame(state.service, now) === 'own' ? 'firing' : 'unknown';
  // That it is down is said already: to clear `degraded` beside it would read as a recovery.
  return state.status === 'down' ? 'unknown' : 'ok';
}

function summaryOf({ service, status, detail, relapses }: CheckState, affects: readonly string[]): string {
  const flapping = relapses === 0 ? '' : ` (it flaps: recovered and fell again ${relapses} time${relapses === 1 ? '' : 's'})`;
  const because =
    affects.length === 0 ? '' : `; ${affects.length} that need${affects.length === 1 ? 's' : ''} it: ${affects.join(', ')}`;
  return `${service} is ${status}${flapping}: ${detail.slice(0, LONGEST_VALUE)}${because}`.slice(0, LONGEST_SUMMARY);
}
