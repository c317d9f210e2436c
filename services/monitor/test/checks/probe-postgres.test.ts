import { createServer, type Server, type Socket } from 'node:net';
import { eventually, faultProxy, testPostgres } from '@ops/shared/testing';
import pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listening } from './listening.js';
import { unwatch, watch } from './watched.js';

let url: URL;
const servers: Server[] = [];
beforeEach(async () => {
  url = new URL(await (await testPostgres()).fresh());
  process.env.TEST_PG_SECRET = decodeURIComponent(url.password);
  process.env.TEST_PG_WRONG = 'not-the-password-of-this-server';
});
afterEach(async () => {
  await unwatch();
  for (const server of servers.splice(0)) server.close();
});

const postgres = (more: object = {}, named: object = {}) => ({
  name: 'postgresql',
  health: { postgres: { host: '127.0.0.1', port: Number(url.port), ...more }, within: '1s', ...named },
});
const login = () => ({ user: decodeURIComponent(url.username), database: url.pathname.slice(1) });
const becomes = (watched: ReturnType<typeof watch>, status: string) =>
  eventually(() => expect(watched.state('postgresql').status).toBe(status));

/** A server that answers whatever it is told by these bytes. */
async function answering(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => answer(socket));
  });
  servers.push(server);
  return listening(server);
}

function errorResponse(fields: Readonly<Record<string, string>>): Buffer {
  const body = Buffer.from(
    `${Object.entries(fields)
      .map(([letter, text]) => `${letter}${text}\0`)
      .join('')}\0`,
  );
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

test('without a user, the protocol answer of a real server is enough', async () => {
  const watched = watch([postgres()]);
  await becomes(watched, 'up');
  expect(watched.state('postgresql').detail).toMatch(/accept/);
});

test('the question leaves no session behind', async () => {
  const watched = watch([postgres()]);
  await becomes(watched, 'up');
  await unwatch();
  const client = new pg.Client(url.href);
  await client.connect();
  try {
    await eventually(async () => {
      const { rows } = await client.query(
        "select application_name from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
      );
      expect(rows).toEqual([]);
    });
  } finally {
    await client.end();
  }
});

test('with a user and its password, SELECT 1 on one session that is kept', async () => {
  const watched = watch([postgres(login(), { token_env: 'TEST_PG_SECRET' })]);
  await becomes(watched, 'up');
  const client = new pg.Client(url.href);
  await client.connect();
  const sessions = async (): Promise<number[]> => {
    const { rows } = await client.query<{ pid: number }>(
      "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    return rows.map(({ pid }) => pid);
  };
  try {
    const before = await sessions();
    expect(before).toHaveLength(1);
    const first = watched.state('postgresql').checkedAt ?? 0;
    await eventually(() => expect(watched.state('postgresql').checkedAt ?? 0).toBeGreaterThan(first + 500));
    expect(await sessions()).toEqual(before);
    // A session that the server ends is replaced, and nobody is called down for it.
    await client.query('select pg_terminate_backend($1)', [before[0]]);
    await eventually(async () => expect(await sessions()).not.toEqual(before));
    await eventually(async () => expect(await sessions()).toHaveLength(1));
    expect(watched.changes).toEqual(['postgresql: unknown -> up']);
    await unwatch();
    await eventually(async () => expect(await sessions()).toEqual([]));
  } finally {
    await client.end();
  }
});

test('a wrong password is down, and is not told', async () => {
  const watched = watch([postgres(login(), { token_env: 'TEST_PG_WRONG' })]);
  await becomes(watched, 'down');
  expect(watched.state('postgresql').detail).toMatch(/password/);
  expect(watched.state('postgresql').detail).not.toContain('not-the-password');
});

test('a database that does not exist is down for who logs in to it', async () => {
  const watched = watch([postgres({ ...login(), database: 'nowhere' }, { token_env: 'TEST_PG_SECRET' })]);
  await becomes(watched, 'down');
  expect(watched.state('postgresql').detail).toContain('nowhere');
});

test('a server that is starting up rejects', async () => {
  const starting = errorResponse({ S: 'FATAL', C: '57P03', M: 'the database system is starting up' });
  const port = await answering((socket) => socket.end(starting));
  const watched = watch([postgres({ port })]);
  await becomes(watched, 'down');
  expect(watched.state('postgresql').detail).toContain('the database system is starting up');
});

test('an answer in pieces is put together', async () => {
  const starting = errorResponse({ S: 'FATAL', C: '57P03', M: 'the database system is shutting down' });
  const port = await answering((socket) => {
    socket.setNoDelay(true);
    let at = 0;
    const next = () => {
      socket.write(starting.subarray(at, at + 1));
      at += 1;
      if (at < starting.length) setImmediate(next);
      else socket.end();
    };
    next();
  });
  const watched = watch([postgres({ port })]);
  await becomes(watched, 'down');
  expect(watched.state('postgresql').detail).toContain('the database system is shutting down');
});

test('a refusal of this very user is an answer: the server takes sessions', async () => {
  const refusal = errorResponse({ S: 'FATAL', C: '28000', M: 'no pg_hba.conf entry for host' });
  const port = await answering((socket) => socket.end(refusal));
  await becomes(watch([postgres({ port })]), 'up');
});

test.each([
  ['closes without a word', (socket: Socket) => void socket.end()],
  ['speaks another protocol', (socket: Socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['says nothing', () => undefined],
])('what %s is down', async (_what, answer) => {
  const port = await answering(answer);
  await becomes(watch([postgres({ port })]), 'down');
});

test('a session that hangs is cut at the timeout, and a new one is made', async () => {
  const proxy = await faultProxy({ port: Number(url.port) });
  try {
    const watched = watch([postgres({ ...login(), port: proxy.port }, { token_env: 'TEST_PG_SECRET' })]);
    await becomes(watched, 'up');
    proxy.blackhole();
    await becomes(watched, 'down');
    await proxy.heal();
    await becomes(watched, 'up');
    await eventually(() => expect(proxy.connections()).toBe(1));
  } finally {
    await proxy.close();
  }
});
