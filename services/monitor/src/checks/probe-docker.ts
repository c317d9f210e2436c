import type { HealthCheck } from '@ops/shared/config';
import { examine, type Probe, type ProbeDeps } from '@ops/shared/probes';
import { judgeContainer, withContainer } from '../decide/check-container.js';
import type { DockerEngine } from './docker-engine.js';

/** Reads a container's state; the engine's events keep it up to date, so that it costs nothing to ask. */
export function dockerProbe(
  health: Extract<HealthCheck, { kind: 'docker' }>,
  { clock }: Pick<ProbeDeps, 'clock'>,
  engine: DockerEngine,
): Probe {
  const { container } = health.docker;
  const ask = async () => ({ ...judgeContainer(container, engine.view(container)), responseMs: null });
  return {
    run: (signal) => examine(clock, health.within, signal, ask),
    close: async () => undefined,
  };
}

/** A probe whose service runs in a container: the container's state counts as well. */
export function containedProbe(
  probe: Probe,
  container: string,
  { clock, engine }: Pick<ProbeDeps, 'clock'> & { readonly engine: DockerEngine },
): Probe {
  return {
    async run(signal) {
      // One that has ended answers nothing, and a proxy before it may take its time to say so.
      const { detail, gone } = judgeContainer(container, engine.view(container));
      if (gone === true) return { outcome: 'failed', responseMs: null, detail, at: clock.now(), gone };
      return withContainer(await probe.run(signal), container, engine.view(container));
    },
    close: () => probe.close(),
  };
}
