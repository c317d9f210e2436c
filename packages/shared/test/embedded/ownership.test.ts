import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readInstance } from '../../src/embedded/index.js';
import { isRunning, isThere, kill, onRedis, recordOf, Scene } from './scene.js';

describe('the owner of a home', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
  });
  afterEach(() => scene.clear());

  it('is one: a second is refused with the pid and the address of the first', async () => {
    const home = await scene.home();
    const child = await scene.holder(home);
    await expect(scene.open({ home })).rejects.toMatchObject({
      code: 'INSTANCE_IN_USE',
      fields: { pid: child.pid, address: '127.0.0.1:0', home },
    });
    await expect(scene.open({ home })).rejects.toThrow(`in use by process ${child.pid}`);
    expect((await readInstance(home))?.pid).toBe(child.pid);
  });

  it('may die by kill -9: no server stays behind, and the home opens again with its data', async () => {
    const home = await scene.home();
    const child = await scene.holder(home);
    const { servers } = recordOf(home);
    const address = await readInstance(home);
    await onRedis(address?.redisUrl ?? '', (redis) => redis.set('kept', 'yes'));
    const left = [
      servers.redis?.process.pid,
      servers.redis?.watcher?.pid,
      servers.postgresql?.process.pid,
      servers.postgresql?.watcher?.pid,
    ];
    expect(left.map(isRunning)).toEqual([true, true, true, true]);
    await kill(child);
    await vi.waitUntil(() => !left.some(isRunning), { timeout: 15_000 });
    expect(await readInstance(home)).toBeUndefined();
    const again = await scene.open({ home });
    expect(again.servers.map(({ origin }) => origin)).toEqual(['started', 'started']);
    expect(await onRedis(again.redisUrl, (redis) => redis.get('kept'))).toBe('yes');
  });

  it('opens at once behind a killed one, while its servers still stop', async () => {
    const home = await scene.home();
    await kill(await scene.holder(home));
    const again = await scene.open({ home });
    expect(await onRedis(again.redisUrl, (redis) => redis.ping())).toBe('PONG');
  });

  it('takes over servers that nobody holds any more, and stops them in the end', async () => {
    const home = await scene.home();
    const child = await scene.holder(home);
    const { servers } = recordOf(home);
    for (const server of [servers.redis, servers.postgresql]) process.kill(server?.watcher?.pid ?? 0, 'SIGKILL');
    await kill(child);
    const heir = await scene.open({ home });
    expect(heir.servers.map(({ origin }) => origin)).toEqual(['reused', 'reused']);
    expect(recordOf(home).servers.redis?.process).toEqual(servers.redis?.process);
    await heir.close();
    expect([servers.redis?.process.pid, servers.postgresql?.process.pid].map(isRunning)).toEqual([false, false]);
  });

  it('is one even where several come at once to a lock whose owner is dead', async () => {
    const home = await scene.home();
    await (await scene.open({ home })).close();
    await writeFile(
      join(home, 'lock.2'),
      JSON.stringify({ pid: process.pid, started: 'on another boot', address: '127.0.0.1:1' }),
    );
    const urls = { redisUrl: 'redis://localhost', databaseUrl: 'postgresql://localhost' };
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => scene.open({ home, ...urls })));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of tries) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'INSTANCE_IN_USE' });
  });

  it('leaves nothing behind when a start fails half-way', async () => {
    const home = await scene.home();
    await (await scene.open({ home })).close();
    await writeFile(join(home, 'redis', 'appendonlydir', 'appendonly.aof.manifest'), 'this is no manifest\n');
    await expect(scene.open({ home })).rejects.toMatchObject({ code: 'SERVER_DID_NOT_START', fields: { server: 'Redis' } });
    expect(isThere(home, 'postgres', 'data', 'postmaster.pid')).toBe(false);
    expect(await readInstance(home)).toBeUndefined();
  });
});
