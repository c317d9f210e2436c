import type { ComposeService } from '../compose-model.js';
import type { Strategy } from '../deployment-types.js';
import type { ContainerFacts } from '../engine-facts.js';

/**
 * How the old version of a service gives way. `stop-first` is always right: the old container is stopped and kept. `start-first`
 * only where somebody said that two versions may run at once, and nothing is there that only one can have: a port of the host, a
 * fixed name or address, a volume that both would write. `in-place` where the container has volumes without a name, which only
 * Compose's own recreation carries over: nothing can be kept then, and the snapshot is the way back.
 */
export function strategyOf(service: ComposeService, running: readonly ContainerFacts[], twoVersions: boolean): Strategy {
  if (running.some(({ anonymousVolumes }) => anonymousVolumes.length > 0)) return 'in-place';
  const fixedPort = (service.ports ?? []).some(
    ({ published }) => published !== undefined && published !== '' && published !== '0',
  );
  const writes = (service.volumes ?? []).some(({ type, read_only }) => type !== 'tmpfs' && read_only !== true);
  const fixedAddress = Object.values(service.networks ?? {}).some(
    (network) => network !== null && typeof network === 'object' && ('ipv4_address' in network || 'ipv6_address' in network),
  );
  const alone = fixedPort || writes || fixedAddress || service.container_name !== undefined || service.network_mode === 'host';
  return twoVersions && !alone && running.length > 0 ? 'start-first' : 'stop-first';
}

/** A Swarm does as its file says: it stops the old task first, unless `update_config` wants it otherwise. */
export function swarmStrategy({ deploy }: ComposeService): Strategy {
  const { update_config } = (deploy ?? {}) as { update_config?: { order?: string } };
  return update_config?.order === 'start-first' ? 'start-first' : 'stop-first';
}
