import type { ComposeService } from '../compose-model.js';
import type { ImageFacts } from '../engine-facts.js';

const DEFAULT_INTERVAL_MS = 30_000;
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 0.001, µs: 0.001, ns: 0.000001 };

/** A duration as Compose prints it (`1m30s`, `500ms`), in ms; 0 where there is none. */
export function composeDuration(text: string | undefined): number {
  let sum = 0;
  for (const [, amount, unit] of (text ?? '').matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g))
    sum += Number(amount) * (UNIT_MS[unit ?? ''] ?? 0);
  return sum;
}

/** Whether Docker will probe it: by its Compose file, else by its image. */
export function hasHealthcheck({ healthcheck }: ComposeService, image: ImageFacts | undefined): boolean {
  if (healthcheck?.disable === true || healthcheck?.test?.[0] === 'NONE') return false;
  return healthcheck?.test !== undefined && healthcheck.test !== null ? true : image?.healthcheck != null;
}

/** Ms from its start to the first probe, before which Docker cannot call it healthy: Docker waits one interval first. */
export function earliestHealthyMs(service: ComposeService, image: ImageFacts | undefined): number {
  if (!hasHealthcheck(service, image)) return 0;
  return composeDuration(service.healthcheck?.interval) || (image?.healthcheck?.intervalMs ?? DEFAULT_INTERVAL_MS);
}

/** The same of a service of a Swarm, which replaces so many tasks at a time, each batch once the one before is healthy, after a pause. */
export function earliestRolloutMs(service: ComposeService, image: ImageFacts | undefined, replicas: number): number {
  const { update_config } = (service.deploy ?? {}) as { update_config?: { parallelism?: number; delay?: string } };
  const atATime = update_config?.parallelism ?? 1;
  const batches = atATime === 0 ? 1 : Math.max(1, Math.ceil(replicas / atATime));
  return batches * earliestHealthyMs(service, image) + (batches - 1) * composeDuration(update_config?.delay);
}
