import { parseConfig } from '@ops/shared/config';
import { createLogger, systemClock } from '@ops/shared/runtime';
import { type Checks, startChecks } from '../../src/checks/check-runner.js';
import type { CheckState } from '../../src/decide/check-types.js';

/** The service checks of a test: real ones, with short times. */
export interface Watched {
  readonly checks: Checks;
  /** service, from, to: every change of status so far. */
  readonly changes: string[];
  /** Throws where the inventory has no such service. */
  state(service: string): CheckState;
}

const QUICK = { interval: '200ms', timeout: '1s', up_after: 1 };
const opened = new Set<Checks>();

/** Starts the checks of services as ops.yaml would have them. */
export function watch(services: readonly object[], dockerHost: string | null = null): Watched {
  const text = JSON.stringify({ inventory: { services: services.map((service) => ({ ...QUICK, ...service })) } });
  const changes: string[] = [];
  const checks = startChecks({
    services: parseConfig(text).inventory.services,
    clock: systemClock,
    log: createLogger('silent'),
    planned: () => false,
    dockerHost,
    onChange: (state, previous) => changes.push(`${state.service}: ${previous.status} -> ${state.status}`),
  });
  opened.add(checks);
  return {
    checks,
    changes,
    state(service) {
      const found = checks.states().find((state) => state.service === service);
      if (found === undefined) throw new Error(`no service ${service}`);
      return found;
    },
  };
}

/** Ends the checks of all tests so far. */
export async function unwatch(): Promise<void> {
  const all = [...opened];
  opened.clear();
  await Promise.all(all.map((checks) => checks.close()));
}
