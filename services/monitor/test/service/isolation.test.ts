import type { Status } from '@ops/shared/events';
import { eventually, type HttpStandIn, httpStandIn, type OwnRedis, ownRedis, testHost, testPostgres } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { monitor } from '../../src/index.js';
import { shifts } from '../checks/shifts.js';
import { hungMount, mayMount } from '../host/hung-mount.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const INTERVAL_MS = 400;

async function standIn(says: HttpStandIn['says']): Promise<HttpStandIn> {
  const server = await httpStandIn(says);
  ends.push(server.close);
  return server;
}

test.runIf(mayMount)(
  '10 hung checks, a hung df and a hung notification channel delay the other checks by at most a tenth of their interval',
  async () => {
    const redis: OwnRedis = await ownRedis();
    ends.push(() => redis.close());
    const [well, hung] = [await standIn({ '/': {} }), await standIn({ '/': 'hang' })];
    const disk = await hungMount(ends);
    const services = [
      ...Array.from({ length: 10 }, (_, index) => ({
        name: `hung-${index}`,
        interval: '300ms',
        timeout: '250ms',
        health: { http: `${hung.url}/` },
      })),
      { name: 'well', interval: `${INTERVAL_MS}ms`, health: { http: well.url } },
    ];
    const host = await testHost([monitor], {
      yaml: `inventory: ${JSON.stringify({ services })}\nguard: { disks: ["/", ${JSON.stringify(disk)}] }`,
      servers: { redisUrl: redis.url, databaseUrl: await (await testPostgres()).fresh() },
    });
    ends.push(() => host.close());
    // Everything that the monitor has to say goes over Redis, which takes the words and never answers.
    await redis.pause();
    const before = well.requests.length;
    await eventually(() => expect(well.requests.length).toBeGreaterThanOrEqual(before + 30), { within: 40_000 });
    const found = shifts(
      well.requests.slice(before + 1).map(({ at }) => at),
      INTERVAL_MS,
    );
    expect(found[Math.floor(found.length / 2)]).toBeLessThanOrEqual(INTERVAL_MS / 10);
    // They did hang: the ten are down, the disk is unknown beside one that is known, and the guard goes on looking.
    const status = (await (await fetch(`${host.hosted.address}/status`)).json()) as Status;
    expect(status.services.filter((service) => service.status === 'down')).toHaveLength(10);
    expect(Date.now() - Date.parse(status.sampled_at ?? '')).toBeLessThan(3_000);
    const guard = (await (await fetch(`${host.hosted.address}/guard`)).json()) as { disks: { percent: number | null }[] };
    expect(guard.disks.map(({ percent }) => percent === null)).toEqual([false, true]);
    await redis.resume();
  },
);
