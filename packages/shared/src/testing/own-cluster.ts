import { randomBytes } from 'node:crypto';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';
import { type OwnRedis, ownRedis } from './own-redis.js';
import { withClient } from './with-client.js';

/** A Redis Cluster of three masters on loopback, each with a third of the slots. */
export interface OwnCluster {
  /** `redis+cluster://...`, with all three. */
  readonly url: string;
  readonly nodes: readonly OwnRedis[];
  close(): Promise<void>;
}

const SLOTS = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const;

/** Starts three servers, gives them the slots, and waits until each says that the cluster is ok. */
export async function ownCluster(): Promise<OwnCluster> {
  const password = randomBytes(16).toString('hex');
  const nodes: (OwnRedis & { bus: number })[] = [];
  for (const _ of SLOTS) {
    // Ports of the cluster's own bus are 10,000 higher by default, which the highest ports have no room for.
    const bus = await freePort();
    const lines = ['cluster-enabled yes', 'cluster-node-timeout 2000', `cluster-port ${bus}`, `masterauth ${password}`];
    nodes.push({ ...(await ownRedis({ password, lines })), bus });
  }
  for (const [at, node] of nodes.entries()) {
    await withClient(node.url, async (redis) => {
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', ...(SLOTS[at] ?? []));
      await redis.call('CLUSTER', 'SET-CONFIG-EPOCH', at + 1);
      if (at > 0) await redis.call('CLUSTER', 'MEET', '127.0.0.1', nodes[0]?.port ?? 0, nodes[0]?.bus ?? 0);
    });
  }
  await eventually(
    async () => {
      for (const { url } of nodes) {
        const info = String(await withClient(url, (redis) => redis.call('CLUSTER', 'INFO')));
        if (!/cluster_state:ok/.test(info) || !/cluster_known_nodes:3/.test(info)) throw new Error(info);
      }
    },
    { within: 30_000, every: 50 },
  );
  return {
    url: `redis+cluster://default:${password}@${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    nodes,
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}
