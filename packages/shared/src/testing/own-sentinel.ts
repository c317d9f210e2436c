import { randomBytes } from 'node:crypto';
import { eventually } from './eventually.js';
import { type OwnRedis, ownRedis } from './own-redis.js';
import { withClient } from './with-client.js';

/** A master and a replica, watched by three Sentinels that fail over by themselves. */
export interface OwnSentinel {
  /** `redis+sentinel://...`, with all three. */
  readonly url: string;
  /** The two servers; which is the master now, `masterPort` tells. */
  readonly servers: readonly [OwnRedis, OwnRedis];
  readonly sentinels: readonly OwnRedis[];
  /** The port of the master, as the Sentinels have it. */
  masterPort(): Promise<number>;
  close(): Promise<void>;
}

const MASTER = 'ops';

/** Starts five servers and waits until the Sentinels know each other and the replica (2 to 4 s). A master that is silent for `downAfterMs` is replaced. */
export async function ownSentinel({ downAfterMs = 1000 }: { downAfterMs?: number } = {}): Promise<OwnSentinel> {
  const password = randomBytes(16).toString('hex');
  const member = [`masterauth ${password}`, 'repl-diskless-sync-delay 0'];
  const master = await ownRedis({ password, lines: member });
  const replica = await ownRedis({ password, lines: [...member, `replicaof 127.0.0.1 ${master.port}`] });
  const watch = [
    `sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 2`,
    `sentinel auth-pass ${MASTER} ${password}`,
    `sentinel sentinel-pass ${password}`,
    `sentinel down-after-milliseconds ${MASTER} ${downAfterMs}`,
    `sentinel failover-timeout ${MASTER} 6000`,
  ];
  const sentinels = await Promise.all([1, 2, 3].map(() => ownRedis({ password, lines: watch, sentinel: true })));
  await eventually(
    async () => {
      for (const { url } of sentinels) {
        const facts = await masterFacts(url);
        if (facts.get('num-slaves') !== '1' || facts.get('num-other-sentinels') !== '2')
          throw new Error(`not all known yet: ${[...facts].join(' ')}`);
      }
    },
    { within: 30_000, every: 100 },
  );
  const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
  return {
    url: `redis+sentinel://default:${password}@${hosts}/${MASTER}?sentinel_password=${password}`,
    servers: [master, replica],
    sentinels,
    masterPort: async () => Number((await masterFacts(sentinels[0]?.url ?? '')).get('port')),
    close: async () => {
      await Promise.all([...sentinels, master, replica].map((server) => server.close()));
    },
  };
}

async function masterFacts(sentinel: string): Promise<Map<string, string>> {
  const flat = (await withClient(sentinel.replace(/\/0$/, ''), (redis) => redis.call('SENTINEL', 'MASTER', MASTER))) as string[];
  return new Map(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? ''] as const] : [])));
}
