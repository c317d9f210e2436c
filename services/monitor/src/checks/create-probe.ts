import type { InventoryService } from '@ops/shared/config';
import { type Clock, namedSecret } from '@ops/shared/runtime';
import type { DockerEngine } from './docker-engine.js';
import type { Probe, ProbeDeps } from './probe.js';
import { containedProbe, dockerProbe } from './probe-docker.js';
import { httpProbe } from './probe-http.js';
import { openclawProbe } from './probe-openclaw.js';
import { postgresProbe } from './probe-postgres.js';
import { redisProbe } from './probe-redis.js';
import { tcpProbe } from './probe-tcp.js';

/** The probe of a service, with its container's state where it names one. It connects when it first runs. */
export function createProbe(
  { health, container }: Pick<InventoryService, 'health' | 'container'>,
  { clock, engine }: { readonly clock: Clock; readonly engine: DockerEngine },
): Probe {
  const probe = probeOf(health, clock, engine);
  return container === undefined || health.kind === 'docker' ? probe : containedProbe(probe, container, engine);
}

function probeOf(health: InventoryService['health'], clock: Clock, engine: DockerEngine): Probe {
  // Read when it is needed: a token that was renewed, or comes later, is found.
  const deps: ProbeDeps = { clock, secret: () => ('tcp' in health || 'docker' in health ? undefined : namedSecret(health)) };
  switch (health.kind) {
    case 'http':
      return httpProbe(health, deps);
    case 'redis':
      return redisProbe(health, deps);
    case 'postgres':
      return postgresProbe(health, deps);
    case 'tcp':
      return tcpProbe(health, deps);
    case 'docker':
      return dockerProbe(health, deps, engine);
    case 'openclaw':
      return openclawProbe(health, deps);
  }
}
