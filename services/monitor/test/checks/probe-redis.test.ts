import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { eventually, faultProxy, type OwnRedis, ownRedis, testRedis } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { listening } from './listening.js';
import { unwatch, watch } from './watched.js';

let server: OwnRedis;
beforeAll(async () => {
  server = await ownRedis();
  process.env.TEST_REDIS_SECRET = server.password;
  process.env.TEST_REDIS_WRONG = 'not-the-password-of-this-server';
});
afterAll(() => server.close());
afterEach(unwatch);

const redis = (more: object = {}, port = server.port) => ({
  name: 'redis',
  health: { redis: { host: '127.0.0.1', port }, within: '1s', token_env: 'TEST_REDIS_SECRET', ...more },
});
const becomes = (watched: ReturnType<typeof watch>, status: string) =>
  eventually(() => expect(watched.state('redis').status).toBe(status));

test('a PING is answered, on one connection that is kept', async () => {
  const admin = new Redis(server.url);
  try {
    const connections = async () => Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1]);
    const watched = watch([redis()]);
    await becomes(watched, 'up');
    const before = await connections();
    const first = watched.state('redis').checkedAt ?? 0;
    await eventually(() => expect(watched.state('redis').checkedAt ?? 0).toBeGreaterThan(first + 500));
    expect(await connections()).toBe(before);
    expect(watched.state('redis')).toMatchObject({ status: 'up', responseMs: expect.any(Number) });
  } finally {
    admin.disconnect();
  }
});

test('closed connections are made anew, and nobody is called down for it', async () => {
  const watched = watch([{ ...redis(), down_after: { failures: 1, of: 1 } }]);
  await becomes(watched, 'up');
  const admin = new Redis(server.url);
  try {
    for (let round = 0; round < 3; round += 1) {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      const killedAt = Date.now();
      await eventually(() => expect(watched.state('redis').checkedAt ?? 0).toBeGreaterThan(killedAt + 250));
    }
  } finally {
    admin.disconnect();
  }
  expect(watched.changes).toEqual(['redis: unknown -> up']);
});

test.each([
  ['no password', { token_env: undefined }, /password|NOAUTH/i],
  ['a wrong password', { token_env: 'TEST_REDIS_WRONG' }, /password|WRONGPASS/i],
])('%s: down, with words that help and without the password', async (_what, more, words) => {
  const watched = watch([redis(more)]);
  await becomes(watched, 'down');
  const { detail } = watched.state('redis');
  expect(detail).toMatch(words);
  expect(detail).not.toContain('not-the-password');
});

test('a server that is frozen is down after its timeout, and up again when it goes on', async () => {
  const watched = watch([redis()]);
  await becomes(watched, 'up');
  server.pause();
  try {
    await becomes(watched, 'down');
  } finally {
    server.resume();
  }
  await becomes(watched, 'up');
});

test('a server that is stopped is down, and up again when it has started', async () => {
  const watched = watch([redis()]);
  await becomes(watched, 'up');
  await server.stop();
  try {
    await becomes(watched, 'down');
    expect(watched.state('redis').detail).toMatch(/refused|closed|listens/);
  } finally {
    await server.start();
  }
  await becomes(watched, 'up');
});

test('a slow network is degraded, not down; one that swallows everything is down', async () => {
  const proxy = await faultProxy({ port: server.port });
  try {
    const watched = watch([redis({ within: '50ms' }, proxy.port)]);
    await becomes(watched, 'up');
    proxy.latency(60);
    await becomes(watched, 'degraded');
    proxy.blackhole();
    await becomes(watched, 'down');
    await proxy.heal();
    await becomes(watched, 'up');
  } finally {
    await proxy.close();
  }
});

test('what is not Redis is down', async () => {
  const http = createServer((_request, response) => response.end('hello'));
  const port = await listening(http);
  try {
    const watched = watch([redis({}, port)]);
    await becomes(watched, 'down');
  } finally {
    http.closeAllConnections();
    http.close();
  }
});

test('a server that is loading is down, and says why', async () => {
  const loading = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', () => socket.write('-LOADING Redis is loading the dataset in memory\r\n'));
  });
  try {
    const watched = watch([redis({ token_env: undefined }, await listening(loading))]);
    await becomes(watched, 'down');
    expect(watched.state('redis').detail).toMatch(/loading/i);
    await unwatch();
  } finally {
    loading.close();
  }
});

test('a server that wants no password takes one that has it', async () => {
  const open = await testRedis();
  const { url, port } = await open.fresh();
  const admin = new Redis(url);
  try {
    await admin.config('SET', 'requirepass', '');
    await becomes(watch([redis({}, port)]), 'up');
  } finally {
    await unwatch();
    await admin.quit();
  }
});

test('the connection ends with the checks', async () => {
  const admin = new Redis(server.url);
  try {
    const connected = async () => String(await admin.client('LIST')).includes('name=ops-check');
    await becomes(watch([redis()]), 'up');
    await unwatch();
    await eventually(async () => expect(await connected()).toBe(false));
  } finally {
    admin.disconnect();
  }
});

test('a secret that is not there: nobody can tell, and it says which one', async () => {
  const watched = watch([redis({ token_env: 'TEST_REDIS_ABSENT' })]);
  await eventually(() => expect(watched.state('redis').detail).toContain('TEST_REDIS_ABSENT'));
  expect(watched.state('redis').status).toBe('unknown');
});
