import { randomBytes } from 'node:crypto';
import { redisUrlOf } from '../embedded/record.js';
import { eventually } from './eventually.js';
import { type FaultProxy, faultProxy } from './fault-proxy.js';
import { type OwnRedis, ownRedis } from './own-redis.js';
import { withClient } from './with-client.js';

/** A master and its replica, with the network between them, and before them, in the test's hand. */
export interface ReplicaPair {
  readonly master: OwnRedis;
  readonly replica: OwnRedis;
  /** The link on which the replica follows. */
  readonly link: FaultProxy;
  /**
   * One address for the clients, as a managed Redis has it: it leads to the master, after `turn` or `failOver` to the
   * replica. `turn` leaves the connections that exist.
   */
  readonly front: FaultProxy & { readonly url: string; turn(): void };
  /** Resolves when the replica has everything that the master has now. */
  caughtUp(): Promise<void>;
  /** Makes the replica a master; the old one goes on, and does not know. */
  promote(): Promise<void>;
  /** Promotes, leads the front to the new master, and resets every connection that it had. */
  failOver(): Promise<void>;
  close(): Promise<void>;
}

/** Starts them and waits until the replica follows. The link is a {@link faultProxy}: black-holed, the replica falls behind. */
export async function replicaPair({ lines = [] }: { lines?: readonly string[] } = {}): Promise<ReplicaPair> {
  const password = randomBytes(16).toString('hex');
  // Otherwise the master waits 5 s for further replicas before it sends its data.
  const both = [...lines, 'repl-diskless-sync-delay 0'];
  const master = await ownRedis({ password, lines: both });
  const link = await faultProxy({ port: master.port });
  const following = [...both, `replicaof 127.0.0.1 ${link.port}`, `masterauth ${password}`];
  const replica = await ownRedis({ password, lines: following });
  const target = { port: master.port };
  const proxy = await faultProxy(target);
  const caughtUp = () =>
    eventually(async () => {
      const [told, has] = await Promise.all([offsets(master.url), offsets(replica.url)]);
      if (has.link !== 'up' || has.slave !== told.master) throw new Error(`the replica is at ${has.slave} of ${told.master}`);
      // The master counts nobody's confirmation before it has heard from it once, which may be later than the replica's own word.
      if (!told.online) throw new Error('the master does not count the replica yet');
    });
  await caughtUp();
  const promote = async () => {
    await withClient(replica.url, (redis) => redis.replicaof('NO', 'ONE'));
  };
  const turn = () => {
    target.port = replica.port;
  };
  return {
    master,
    replica,
    link,
    front: { ...proxy, url: redisUrlOf(proxy.port, password), turn },
    caughtUp,
    promote,
    failOver: async () => {
      await promote();
      turn();
      proxy.reset();
    },
    close: async () => {
      await Promise.all([proxy.close(), link.close(), master.close(), replica.close()]);
    },
  };
}

async function offsets(url: string): Promise<{ link: string; master: number; slave: number; online: boolean }> {
  const info = await withClient(url, (redis) => redis.info('replication'));
  const field = (name: string) => new RegExp(`^${name}:(\\S*)`, 'm').exec(info)?.[1] ?? '';
  return {
    link: field('master_link_status'),
    master: Number(field('master_repl_offset')),
    slave: Number(field('slave_repl_offset')),
    online: field('slave0').includes('state=online'),
  };
}
