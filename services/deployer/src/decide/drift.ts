import type { ReleaseFacts } from '../deployment-types.js';
import type { ContainerFacts } from '../engine-facts.js';

/** Something that runs otherwise than it was deployed. */
export interface Drift {
  readonly service: string;
  readonly what: string;
}

/** Where what runs differs from what was deployed. Repaired only through a deployment. */
export function driftOf({ services }: Pick<ReleaseFacts, 'services'>, containers: readonly ContainerFacts[]): Drift[] {
  const drift: Drift[] = [];
  for (const [service, { imageId, configHash, specHash, running: ran }] of Object.entries(services)) {
    const own = containers.filter((container) => container.service === service);
    if (own.length === 0) drift.push({ service, what: 'its container is gone' });
    for (const { name, running, status, ...container } of own) {
      if (container.imageId !== imageId) drift.push({ service, what: `${name} runs another image` });
      if (container.configHash !== configHash || (specHash !== undefined && container.specHash !== specHash))
        drift.push({ service, what: `${name} has another configuration` });
      if (ran && !running) drift.push({ service, what: `${name} is ${status}` });
    }
  }
  for (const { service, name } of containers)
    if (services[service] === undefined) drift.push({ service, what: `${name} was never deployed` });
  return drift;
}

/** Whether a project runs as its files say: every service is there, by its hash, and runs or has done its work. */
export function isAsReleased(
  containers: readonly ContainerFacts[],
  services: readonly string[],
  hashes: Readonly<Record<string, string>>,
): boolean {
  const all = services.every((service) => containers.some((container) => container.service === service));
  return (
    all &&
    containers.every(
      ({ service, configHash, running, exitCode, health }) =>
        configHash === hashes[service] && (running || exitCode === 0) && health !== 'unhealthy',
    )
  );
}
