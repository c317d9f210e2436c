import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { faultProxy, ownRedis, stopTestServers, testPostgres } from '@ops/shared/testing';
import pg from 'pg';
import { prepareEffects } from './effects.mjs';
import { Member } from './member.mjs';
import { startReaper } from './reaper.mjs';

const STREAM = 'ops:alerts';
const ANSWERS = 'ops:guard';
const CAST = { producers: ['p1', 'p2', 'p3'], groups: { 'ledger-a': ['a1', 'a2', 'a3'], 'ledger-b': ['b1', 'b2'] } };
const script = (name) => new URL(`./${name}.mjs`, import.meta.url).pathname;

/** Everything that takes part: servers, proxies, producers, consumers. `close` ends and deletes it all. */
export async function setScene({ leaseMs, perSecond, signal }) {
  const folder = await mkdtemp(join(tmpdir(), 'ops-ledger-'));
  const releases = [() => rm(folder, { recursive: true, force: true, maxRetries: 5 })];
  const close = async () => {
    for (const release of releases.splice(0).reverse()) await release();
  };
  try {
    const redis = await ownRedis();
    releases.push(() => redis.close());
    releases.push(stopTestServers);
    const database = await (await testPostgres()).fresh();
    const postgres = new pg.Client(database);
    postgres.on('error', () => undefined);
    await postgres.connect();
    releases.push(() => postgres.end());
    await prepareEffects(postgres);
    const proxies = {
      producers: await faultProxy({ port: redis.port }),
      consumers: await faultProxy({ port: redis.port }),
    };
    for (const proxy of Object.values(proxies)) releases.push(() => proxy.close());
    const reaper = startReaper(folder);
    releases.push(() => reaper.close());
    const place = (name, what, side, options) => {
      const home = join(folder, name);
      mkdirSync(home);
      const url = redis.url.replace(`:${redis.port}`, `:${proxies[side].port}`);
      const all = { url, folder: home, logs: folder, database, leaseMs, stream: STREAM, ...options };
      const member = new Member({ script: script(what), name, reaper, options: all });
      releases.push(() => member.kill());
      return member;
    };
    const share = perSecond / CAST.producers.length;
    const producers = Object.fromEntries(
      CAST.producers.map((name) => [name, place(name, 'producer', 'producers', { perSecond: share })]),
    );
    // One group publishes its answers through a spool, the other must hear that Redis is away.
    const groups = Object.fromEntries(
      Object.entries(CAST.groups).map(([group, names]) => [
        group,
        names.map((name) => place(name, 'consumer', 'consumers', { group, spooled: group === 'ledger-b' })),
      ]),
    );
    const members = [...Object.values(groups).flat(), ...Object.values(producers)];
    for (const member of members) member.start();
    return { folder, redis, postgres, proxies, producers, groups, members, stream: STREAM, answers: ANSWERS, signal, close };
  } catch (error) {
    await close();
    throw error;
  }
}
