import type { InventoryService } from '@ops/shared/config';
import { openProbe, type Probe } from '@ops/shared/probes';
import type { Clock } from '@ops/shared/runtime';
import type { DockerEngine } from './docker-engine.js';
import { containedProbe, dockerProbe } from './probe-docker.js';

/** The probe of a service, with its container's state where it names one. It connects when it first runs. */
export function createProbe(
  { health, container }: Pick<InventoryService, 'health' | 'container'>,
  { clock, engine, linkEnded }: { readonly clock: Clock; readonly engine: DockerEngine; readonly linkEnded: () => void },
): Probe {
  if (health.kind === 'docker') return dockerProbe(health, { clock }, engine);
  const probe = openProbe(health, clock, linkEnded);
  return container === undefined ? probe : containedProbe(probe, container, { clock, engine });
}
