import type { CheckState } from './check-types.js';

interface Dependent {
  readonly name: string;
  readonly depends_on: readonly string[];
}

/**
 * Which other services to check now, after a result. A failure asks those that the service needs, so that the cause is known before
 * anybody is blamed; a recovery asks those that are down without it. Who is suspect or down already keeps his own schedule:
 * many dependents would otherwise judge him by many quick checks instead of some in their time.
 */
export function checksAfter(
  state: CheckState,
  previous: CheckState,
  services: readonly Dependent[],
  states: readonly CheckState[],
): readonly string[] {
  const known = new Map(states.map((one) => [one.service, one]));
  const worse = state.status !== previous.status && (state.status === 'down' || state.status === 'degraded');
  // The first failure of a row only: an outage that lasts must not have its causes asked all the time.
  const failed = state.recent.at(-1) === 'failed' && previous.recent.at(-1) !== 'failed';
  const needed = services.find(({ name }) => name === state.service)?.depends_on ?? [];
  const causes = failed || worse ? needed.filter((name) => !inTrouble(known.get(name))) : [];
  const recovered = previous.status === 'down' && (state.status === 'up' || state.status === 'degraded');
  const waiting = recovered ? services.filter(({ depends_on }) => depends_on.includes(state.service)) : [];
  return [...causes, ...waiting.map(({ name }) => name).filter((name) => known.get(name)?.status === 'down')];
}

function inTrouble(state: CheckState | undefined): boolean {
  return state?.suspect === true || state?.status === 'down';
}
