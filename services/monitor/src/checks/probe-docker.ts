import type { HealthCheck } from '@ops/shared/config';
import type { Clock } from '@ops/shared/runtime';
import { judgeContainer, withContainer } from '../decide/check-container.js';
import type { DockerEngine } from './docker-engine.js';
import { type Probe, resultOf } from './probe.js';

type Deps = { readonly clock: Clock; readonly engine: DockerEngine };

/** Reads a container's state; the engine's events keep it up to date, so that it costs nothing to ask. */
export function dockerProbe(health: Extract<HealthCheck, { kind: 'docker' }>, { clock, engine }: Deps): Probe {
  const { container } = health.docker;
  return {
    run: async () => {
      const { outcome, detail } = judgeContainer(container, engine.view(container));
      return resultOf(outcome, null, detail, clock.now());
    },
    close: async () => undefined,
  };
}

/** A probe whose service runs in a container: the container's state counts as well. */
export function containedProbe(probe: Probe, container: string, engine: DockerEngine): Probe {
  return {
    run: async (signal) => withContainer(await probe.run(signal), container, engine.view(container)),
    close: () => probe.close(),
  };
}
