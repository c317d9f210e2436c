import { afterAll, beforeAll, expect } from 'vitest';
import { describeTransport, type Faults } from '../../src/contract/index.js';
import {
  faultProxy,
  leakCheck,
  type OwnCluster,
  type OwnRedis,
  type OwnSentinel,
  ownCluster,
  ownRedis,
  ownSentinel,
  withClient,
} from '../../src/testing/index.js';
import { redisTransport } from './redis-transport.js';

let redis: OwnRedis;
let cluster: OwnCluster;
let sentinel: OwnSentinel;

beforeAll(async () => {
  // Nobody takes over here: which server is the master is known once for all tests.
  [redis, cluster, sentinel] = await Promise.all([ownRedis(), ownCluster(), ownSentinel({ downAfterMs: 30_000 })]);
});
afterAll(() => Promise.all([redis.close(), cluster.close(), sentinel.close()]));

const absent = (): never => {
  throw new Error('this transport cannot have this fault');
};
const noFaults: Faults = {
  cutNextReply: absent,
  reset: absent,
  blackhole: absent,
  heal: absent,
  strand: absent,
  restart: absent,
  pause: absent,
  resume: absent,
  fill: absent,
  makeRoom: absent,
  forget: absent,
};

const onAll = async (servers: readonly OwnRedis[], ...commands: (readonly string[])[]) => {
  for (const { url } of servers) {
    await withClient(url, async (client) => {
      for (const [name = '', ...rest] of commands) await client.call(name, rest);
    });
  }
};
const EMPTY = ['FLUSHALL'];
const memory = (bytes: string) => ['CONFIG', 'SET', 'maxmemory', bytes];

const serverFaults = (servers: () => readonly OwnRedis[]) => ({
  restart: async () => {
    await Promise.all(servers().map((server) => server.stop()));
    await Promise.all(servers().map((server) => server.start()));
  },
  pause: () => servers().forEach((server) => void server.pause()),
  resume: () => servers().forEach((server) => void server.resume()),
  fill: () => onAll(servers(), memory('1')),
  makeRoom: () => onAll(servers(), memory('0')),
  forget: () => onAll(servers(), EMPTY),
});

describeTransport({
  name: 'one Redis',
  open: async () => {
    await onAll([redis], memory('0'), EMPTY);
    const leaks = await leakCheck({ redisUrl: redis.url });
    const proxy = await faultProxy({ port: redis.port });
    return redisTransport({
      url: redis.url.replace(String(redis.port), String(proxy.port)),
      direct: redis.url,
      faults: { ...proxy, ...serverFaults(() => [redis]) },
      onClose: async () => {
        await proxy.close();
        const left = await leaks.leaks();
        await leaks.close();
        // Pending entries are what a dead member leaves, on purpose.
        expect(left.filter((leak) => !leak.includes('pending'))).toEqual([]);
      },
    });
  },
});

const past = 'clients go to the addresses that the servers announce, past a proxy';
const network = { cutNextReply: past, reset: past, blackhole: past, heal: past, strand: past };

describeTransport({
  name: 'a Cluster of three masters',
  open: async () => {
    await onAll(cluster.nodes, memory('0'), EMPTY);
    return redisTransport({
      url: cluster.url,
      direct: cluster.url,
      faults: { ...noFaults, ...serverFaults(() => cluster.nodes) },
    });
  },
  lacks: network,
});

const failsOver = 'the other server takes over: topologies.test.ts and failover.test.ts';

describeTransport({
  name: 'a master and a replica that Sentinels name',
  open: async () => {
    const master = () => sentinel.servers.slice(0, 1);
    await onAll(master(), memory('0'), EMPTY);
    return redisTransport({
      url: sentinel.url,
      direct: sentinel.url,
      faults: { ...noFaults, ...serverFaults(master) },
    });
  },
  lacks: { ...network, restart: failsOver, pause: failsOver, resume: failsOver },
});
