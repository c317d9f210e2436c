import { statSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureToken, readInstance } from '../../src/embedded/index.js';
import { isFree } from '../../src/embedded/ports.js';
import { freePort } from '../../src/testing/index.js';
import { isRunning, isThere, onDatabase, onRedis, recordOf, Scene } from './scene.js';

describe('an instance', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
  });
  afterEach(() => scene.clear());

  it('starts both servers, keeps what they hold over a restart, and leaves nothing running', async () => {
    const home = await scene.home();
    const first = await scene.open({ home });
    expect(first.servers.map(({ name, origin }) => [name, origin])).toEqual([
      ['redis', 'started'],
      ['postgresql', 'started'],
    ]);
    await onRedis(first.redisUrl, (redis) => redis.set('kept', 'yes'));
    await onDatabase(first.databaseUrl, (client) => client.query("CREATE TABLE kept AS SELECT 'yes' AS value"));
    const { servers } = recordOf(home);
    await first.close();
    await first.close();
    expect([servers.redis, servers.postgresql].map((server) => isRunning(server?.process.pid))).toEqual([false, false]);
    expect(isThere(home, 'instance.json')).toBe(false);

    const second = await scene.open({ home });
    expect(await onRedis(second.redisUrl, (redis) => redis.get('kept'))).toBe('yes');
    const { rows } = await onDatabase(second.databaseUrl, (client) => client.query('SELECT value FROM kept'));
    expect(rows).toEqual([{ value: 'yes' }]);
  });

  it('has the settings that the bus and the history rely on', async () => {
    const { redisUrl, databaseUrl } = await scene.open({ home: await scene.home() });
    const config = (name: string) => onRedis(redisUrl, async (redis) => ((await redis.config('GET', name)) as string[])[1]);
    expect(await config('appendonly')).toBe('yes');
    expect(await config('appendfsync')).toBe('everysec');
    expect(await config('maxmemory-policy')).toBe('noeviction');
    expect(await config('bind')).toBe('127.0.0.1');
    const { rows } = await onDatabase(databaseUrl, (client) =>
      client.query(
        "SELECT current_setting('server_encoding') AS encoding, datcollate, current_setting('fsync') AS fsync FROM pg_database WHERE datname = 'ops'",
      ),
    );
    expect(rows).toEqual([{ encoding: 'UTF8', datcollate: 'C', fsync: 'on' }]);
  });

  it('lets in only who has the passwords, and shows them nowhere', async () => {
    const home = await scene.home();
    const said: string[] = [];
    const instance = await scene.open({ home, say: (line) => said.push(line) });
    const url = new URL(instance.redisUrl);
    await expect(onRedis(`redis://${url.host}`, (redis) => redis.set('a', 'b'))).rejects.toThrow();
    await expect(
      onDatabase(instance.databaseUrl.replace(/:[^:@]+@/, ':wrong@'), (client) => client.query('SELECT 1')),
    ).rejects.toMatchObject({ code: '28P01' });
    const shown = JSON.stringify([said, instance.servers, recordOf(home)]);
    expect(shown).not.toContain(url.password);
    expect(shown).not.toContain(new URL(instance.databaseUrl).password);
    expect(
      ['instance.json', 'secrets/redis-password', 'secrets/postgresql-password', 'redis/redis.conf'].map(
        (file) => statSync(`${home}/${file}`).mode & 0o777,
      ),
    ).toEqual([0o600, 0o600, 0o600, 0o600]);
    expect(statSync(`${home}/secrets`).mode & 0o777).toBe(0o700);
  });

  it('tells the CLI where it is, and no longer once it is closed', async () => {
    const home = await scene.home();
    expect(await readInstance(home)).toBeUndefined();
    const { redisUrl, databaseUrl, close } = await scene.open({ home, port: 0 });
    expect(await readInstance(home)).toEqual({ pid: process.pid, port: 0, redisUrl, databaseUrl });
    await close();
    expect(await readInstance(home)).toBeUndefined();
  });

  it('uses URLs that are given, starts nothing then, and never writes their passwords', async () => {
    const home = await scene.home();
    const instance = await scene.open({
      home,
      redisUrl: 'redis://:s3cret@db.example:6379/2',
      databaseUrl: 'postgresql://db.example/ops',
    });
    expect(instance.redisUrl).toBe('redis://:s3cret@db.example:6379/2');
    expect(instance.servers).toEqual([
      { name: 'redis', origin: 'given', address: 'db.example:6379', detail: 'given' },
      { name: 'postgresql', origin: 'given', address: 'db.example', detail: 'given' },
    ]);
    expect(JSON.stringify(recordOf(home))).not.toContain('s3cret');
    expect(await readInstance(home)).toEqual({ pid: process.pid, port: 0, databaseUrl: 'postgresql://db.example/ops' });
  });

  it('takes the ports beside its own, and other ones when those are taken', async () => {
    let base = await freePort();
    while (!(await isFree(base + 1)) || !(await isFree(base + 2))) base = await freePort();
    const other = createServer();
    await new Promise<void>((resolve, reject) => other.on('error', reject).listen(base + 1, '127.0.0.1', resolve));
    try {
      const said: string[] = [];
      const instance = await scene.open({ home: await scene.home(), port: base, say: (line) => said.push(line) });
      expect(new URL(instance.redisUrl).port).not.toBe(String(base + 1));
      expect(new URL(instance.databaseUrl).port).toBe(String(base + 2));
      expect(said[0]).toMatch(`redis: port ${base + 1} is taken, using `);
    } finally {
      other.close();
    }
  });

  it('does not touch the instance of another home', async () => {
    const [one, two] = await Promise.all([scene.open({ home: await scene.home() }), scene.open({ home: await scene.home() })]);
    await onRedis(one.redisUrl, (redis) => redis.set('whose', 'one'));
    expect(await onRedis(two.redisUrl, (redis) => redis.get('whose'))).toBeNull();
    await one.close();
    const { rows } = await onDatabase(two.databaseUrl, (client) => client.query('SELECT 1 AS alive'));
    expect(rows).toEqual([{ alive: 1 }]);
  });

  it('makes one token and keeps it', async () => {
    const home = await scene.home();
    const [a, b] = await Promise.all([ensureToken(home), ensureToken(home)]);
    expect(a).toMatch(/^[0-9a-f]{64}$/);
    expect(b).toBe(a);
    expect(await ensureToken(home)).toBe(a);
    expect(statSync(`${home}/secrets/token`).mode & 0o777).toBe(0o600);
  });
});
