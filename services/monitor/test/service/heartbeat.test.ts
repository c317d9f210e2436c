import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keys } from '@ops/shared/events';
import { eventually, freePort, OwnProcess, recorder, testHost } from '@ops/shared/testing';
import { expect, test } from 'vitest';
import { monitor } from '../../src/index.js';

test('a monitor that dies is noticed by the other; when it is back the alert ends; one that is stopped in order is not missed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ops-heartbeat-'));
  const config = join(home, 'ops.yaml');
  writeFileSync(config, 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }');
  const host = await testHost([monitor]);
  const { redisUrl, databaseUrl } = host;
  const seen = await recorder(redisUrl, ['ops:alerts']);
  const said = () =>
    seen.events.flatMap(({ event }) => {
      const { service, metric } = (event?.data ?? {}) as { service?: string; metric?: string };
      return service === 'other-host' && metric === 'monitor-heartbeat' ? [String(event?.type)] : [];
    });
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const start = async () =>
    new OwnProcess({ main, redisUrl, databaseUrl, config, home, port: await freePort(), env: { OPS_HOST: 'other-host' } });
  const sign = () => host.redis.hget(keys.monitors, 'other-host');
  /** Two signs of life. */
  const alive = async () => {
    await eventually(async () => expect(await sign()).not.toBeNull(), { within: 30_000 });
    const first = await sign();
    await eventually(async () => expect(await sign()).not.toBe(first), { within: 15_000 });
  };
  let other = await start();
  try {
    await alive();
    await other.kill();
    await eventually(() => expect(said()).toEqual(['alert.raised']), { within: 30_000 });
    other = await start();
    await eventually(() => expect(said()).toEqual(['alert.raised', 'alert.cleared']), { within: 30_000 });
    await other.stop();
    expect(await host.redis.hexists(keys.monitors, 'other-host')).toBe(0);
  } finally {
    await other.kill();
    await seen.close();
    await host.close();
    rmSync(home, { recursive: true, force: true });
  }
  expect(said()).toHaveLength(2);
});
