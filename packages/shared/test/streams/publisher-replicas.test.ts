import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventually, type FaultProxy, faultProxy, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { alert, level, type Publishing, publishing } from './publishing.js';

let master: OwnRedis;
let replica: OwnRedis;
let link: FaultProxy;
let onMaster: Redis;
let onReplica: Redis;
let here: Publishing | undefined;

beforeEach(async () => {
  [master, replica] = await Promise.all([ownRedis(), ownRedis()]);
  link = await faultProxy({ port: master.port });
  [onMaster, onReplica] = [master, replica].map(
    ({ url }) => new Redis(url, { retryStrategy: () => 50, maxRetriesPerRequest: null }),
  ) as [Redis, Redis];
  for (const client of [onMaster, onReplica]) client.on('error', () => undefined);
  // A new replica is sent everything at once instead of after five seconds.
  await onMaster.config('SET', 'repl-diskless-sync-delay', '0', 'shutdown-timeout', '0');
  await onReplica.config('SET', 'masterauth', master.password);
  await onReplica.replicaof('127.0.0.1', link.port);
  // The link is up before the master counts the replica's confirmations.
  await eventually(async () => {
    await onMaster.set('warm', 1);
    expect(await onMaster.wait(1, 100)).toBe(1);
  });
});

afterEach(async () => {
  await here?.close();
  here = undefined;
  for (const client of [onMaster, onReplica]) client.disconnect();
  await link.close();
  // In good order a master waits for its replicas first.
  await Promise.all([master.kill(), replica.kill()]);
  await Promise.all([master.close(), replica.close()]);
});

const length = (redis: Redis) => redis.xlen('ops:guard');

test('a guard level counts when a replica has it; without one it is refused, and a repeat is not stored twice', async () => {
  here = await publishing(master.url, { minReplicas: 1, replicaTimeoutMs: 200 });
  const { publisher } = here;
  // Once more where the machine was busy: it is stored once.
  await eventually(async () => void (await publisher.publish([level(1)])));
  expect(await length(onReplica)).toBe(1);
  link.blackhole();
  await expect(publisher.publish([level(2)])).rejects.toMatchObject({
    code: 'BUS_NOT_REPLICATED',
    retryable: true,
    fields: { wanted: 1, confirmed: 0 },
  });
  expect(publisher.waiting.entries).toBe(0);
  expect(await length(onMaster)).toBe(2);
  // What asks for no confirmation is not held up.
  await publisher.publish([alert('a')]);
  await link.heal();
  await eventually(async () => void (await publisher.publish([level(2)])));
  expect(await length(onReplica)).toBe(2);
  expect(await length(onMaster)).toBe(2);
});

test('more replicas than there are: refused, with their number', async () => {
  here = await publishing(master.url, { minReplicas: 2, replicaTimeoutMs: 200 });
  const { publisher } = here;
  // Once more where the machine was busy and the one replica that there is was late.
  await eventually(() => expect(publisher.publish([level(1)])).rejects.toMatchObject({ fields: { wanted: 2, confirmed: 1 } }));
});

test('from the spool: a guard level stays in it until a replica has it, and is stored once', async () => {
  here = await publishing(master.url, { minReplicas: 1, replicaTimeoutMs: 200 });
  const { publisher } = here;
  // Once more where the machine was busy: it is stored once.
  await eventually(async () => void (await publisher.publish([level(1)])));
  await master.stop();
  // Together: one that is alone when the spool is first tried goes alone, and the next waits behind it.
  await publisher.publish([level(2), level(3)]);
  expect(publisher.waiting.entries).toBe(2);
  await link.refuse();
  link.reset();
  await master.start();
  await eventually(async () => expect(await length(onMaster)).toBe(3));
  await eventually(() => expect(here?.log.join('')).toContain('BUS_NOT_REPLICATED'));
  expect(publisher.waiting.entries).toBe(2);
  await link.heal();
  await eventually(() => expect(publisher.waiting.entries).toBe(0), { within: 20_000 });
  expect(await length(onMaster)).toBe(3);
  await eventually(async () => expect(await length(onReplica)).toBe(3));
});
