import { uptime } from 'node:os';
import type { InventoryService } from '@ops/shared/config';
import type { Clock, Logger } from '@ops/shared/runtime';
import { checksAfter } from '../decide/check-nudges.js';
import type { CheckState } from '../decide/check-types.js';
import { lastStart } from '../decide/start-grace.js';
import type { ContainerDirectory } from './container-directory.js';
import { createProbe } from './create-probe.js';
import { DockerEngine } from './docker-engine.js';
import { ServiceCheck } from './service-check.js';

export interface CheckOptions {
  readonly services: readonly InventoryService[];
  readonly clock: Clock;
  readonly log: Logger;
  /** DOCKER_HOST; undefined for the default socket, null where Docker is switched off. */
  readonly dockerHost: string | undefined | null;
  /** The containers of this host, for whoever needs them; null where nobody does. */
  readonly directory?: ContainerDirectory | null;
  /** Whether a service is being deployed: its end is no death then. */
  readonly planned: (service: string) => boolean;
  /** Called when a service's status has changed. */
  readonly onChange: (state: CheckState, previous: CheckState) => void;
}

export interface Checks {
  /** What is known of each service now, in the order of the inventory. */
  states(): readonly CheckState[];
  /** Asks for a check of one service, or of all, now. */
  probeNow(service?: string): void;
  /** Ends all checks and their connections. */
  close(): Promise<void>;
}

/** Begins to check the services, each by itself; the first checks run at once. */
export function startChecks({ services, clock, log, dockerHost, directory = null, planned, onChange }: CheckOptions): Checks {
  const checks = new Map<string, ServiceCheck>();
  const states = () => [...checks.values()].map(({ state }) => state);
  const engine = new DockerEngine({
    host: dockerHost,
    names: [...new Set(services.flatMap(containersOf))],
    directory,
    clock,
    log,
    changed: (container) => {
      for (const service of services) if (containersOf(service).includes(container)) checks.get(service.name)?.nudge();
    },
  });
  const hostStartedAt = clock.now() - uptime() * 1000;
  for (const [index, service] of services.entries()) {
    const check = new ServiceCheck({
      service,
      probe: createProbe(service, { clock, engine, linkEnded: () => checks.get(service.name)?.linkEnded() }),
      planned: () => planned(service.name),
      startedAt: () =>
        lastStart(
          hostStartedAt,
          containersOf(service).map((name) => engine.view(name)),
        ),
      phase: (index + 1) / services.length,
      clock,
      log,
      onResult: (state, previous, { outcome, responseMs, detail }) => {
        log.debug({ service: service.name, outcome, responseMs, detail }, 'check');
        for (const name of checksAfter(state, previous, services, states())) checks.get(name)?.nudge();
        if (state.status !== previous.status) onChange(state, previous);
      },
    });
    checks.set(service.name, check);
  }
  for (const check of checks.values()) check.start();
  return {
    states,
    probeNow: (name) => {
      for (const [service, check] of checks) if (name === undefined || name === service) check.nudge();
    },
    close: async () => {
      await Promise.all([...checks.values()].map((check) => check.close()));
      await engine.close();
    },
  };
}

function containersOf({ health, container, paused }: InventoryService): readonly string[] {
  if (paused) return [];
  return health.kind === 'docker' ? [health.docker.container] : container === undefined ? [] : [container];
}
