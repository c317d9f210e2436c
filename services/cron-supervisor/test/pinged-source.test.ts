import { expect, test } from 'vitest';
import { KillOrders } from '../src/sources/heartbeat/kill-orders.js';
import { PingedSource } from '../src/sources/heartbeat/pinged-source.js';

test('a command that was started and has ended since is known to have begun: whoever lost its beginning does not start it again', async () => {
  const source = new PingedSource({
    name: 'heartbeat',
    orders: new KillOrders(),
    list: async () => ({ jobs: [], issues: [], from: 'source', unread: [] }),
    commandOf: () => ({ command: ['true'], folder: undefined }),
  });
  const nothing = () => undefined;
  const ended = new Promise<void>((resolve) => {
    const others = { began: nothing, jobsChanged: nothing, connected: nothing, lost: nothing, garbled: nothing };
    source.open({ ...others, ended: () => resolve() });
  });
  const before = Date.now();
  expect(await source.start('copy')).toMatchObject({ kind: 'started' });
  await ended;
  expect(await source.running()).toEqual([]);
  expect(await source.startedSince('copy', before - 1000)).toMatchObject({ job: 'copy' });
  expect(await source.startedSince('copy', Date.now() + 60_000)).toBeUndefined();
  await source.close();
});
