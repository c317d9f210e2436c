import type { HealthCheck } from '../config/index.js';
import { type Clock, namedSecret } from '../runtime/index.js';
import type { Probe, ProbeDeps } from './probe.js';
import { httpProbe } from './probe-http.js';
import { openclawProbe } from './probe-openclaw.js';
import { postgresProbe } from './probe-postgres.js';
import { redisProbe } from './probe-redis.js';
import { tcpProbe } from './probe-tcp.js';

/** A check that asks the service itself; the other kind asks its engine. */
export type AskedHealth = Exclude<HealthCheck, { kind: 'docker' }>;

/**
 * The probe of a service. It connects when it first runs.
 *
 * @param linkEnded called when the service ends the connection that its probe keeps, between two checks
 */
export function openProbe(health: AskedHealth, clock: Clock, linkEnded: () => void = () => undefined): Probe {
  // Read when it is needed: a token that was renewed, or comes later, is found.
  const deps: ProbeDeps = { clock, linkEnded, secret: () => ('tcp' in health ? undefined : namedSecret(health)) };
  switch (health.kind) {
    case 'http':
      return httpProbe(health, deps);
    case 'redis':
      return redisProbe(health, deps);
    case 'postgres':
      return postgresProbe(health, deps);
    case 'tcp':
      return tcpProbe(health, deps);
    case 'openclaw':
      return openclawProbe(health, deps);
  }
}
