import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { groupLags, listDeadLetters, openClient, replayInto, trimStream } from '../../src/streams/index.js';
import { eventually, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { STREAM, type TestBus, testBus } from './bus.js';

let redis: OwnRedis;
let bus: TestBus;
let secrets: string;

beforeEach(async () => {
  redis = await ownRedis({ durable: false });
  bus = await testBus(redis.url);
  secrets = await mkdtemp(join(tmpdir(), 'ops-test-secrets-'));
  await promisify(execFile)(fileURLToPath(new URL('../../../../docker/make-secrets.sh', import.meta.url)), [secrets]);
  for (const line of (await readFile(join(secrets, 'redis-users'), 'utf8')).trim().split('\n')) {
    // A selector in brackets is one word.
    const [, name = '', ...rules] = line.match(/\([^)]*\)|\S+/g) ?? [];
    if (name !== 'default') await bus.client.call('ACL', 'SETUSER', name, ...rules);
  }
});

afterEach(async () => {
  await bus.close();
  await redis.close();
  await rm(secrets, { recursive: true, force: true });
});

const as = async (user: string) =>
  redis.url.replace(/\/\/[^@]*@/, `//${user}:${await readFile(join(secrets, `redis-password-${user}`), 'utf8')}@`);
const refusals = async () => ((await bus.client.call('ACL', 'LOG')) as unknown[][]).map((entry) => entry.join(' '));
const pending = async () => Number(((await bus.client.xpending(STREAM, 'monitor')) as unknown[])[0]);

test('the user monitor of the Compose file may do all that a reader does, and nothing of it is refused', async () => {
  // What a dead member left, one that nobody can read, one whose body is gone: every way of a reader.
  await bus.client.xgroup('CREATE', STREAM, 'monitor', '0', 'MKSTREAM');
  for (const subject of ['gone', 'left', 'left too']) await bus.report(subject);
  await bus.client.xreadgroup('GROUP', 'monitor', 'killed', 'COUNT', 3, 'STREAMS', STREAM, '>');
  await bus.client.xtrim(STREAM, 'MAXLEN', 2);
  await bus.client.xadd(STREAM, '*', 'event', '{');
  const seen: string[] = [];
  const member = await bus.join(
    {
      'alert.reported': ({ subject }) => {
        seen.push(subject);
        return [];
      },
    },
    { group: 'monitor' },
    await as('monitor'),
  );
  await bus.report('new');
  await eventually(() => expect(seen).toEqual(['left', 'left too', 'new']));
  await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
  await eventually(async () => expect(await pending()).toBe(0));
  const own = openClient(await as('monitor'), 'test-rights');
  await bus.client.xdel(STREAM, (await bus.client.xrevrange(STREAM, '+', '-', 'COUNT', 1))[0]?.[0] ?? '');
  await bus.client.xgroup('CREATE', STREAM, 'outside', '0');
  expect(await groupLags(own, STREAM)).toMatchObject([{ group: 'monitor' }, { group: 'outside', lag: 3 }]);
  const policy = { keepMs: 3_600_000, unreadMaxAgeMs: 3_600_000, unreadMaxEntries: 1_000_000 };
  await trimStream(own, STREAM, policy, Date.now());
  own.disconnect();
  await member.drain(1000);
  expect(await refusals()).toEqual([]);
});

test('the user operator may let a group handle events again, and may not read for it', async () => {
  const seen: string[] = [];
  await bus.join(
    {
      'alert.reported': ({ subject }) => {
        seen.push(subject);
        return [];
      },
    },
    { group: 'monitor' },
  );
  await bus.report('a');
  await eventually(() => expect(seen).toEqual(['a']));
  await eventually(async () => expect(await pending()).toBe(0));
  const operator = openClient(await as('operator'), 'test-rights');
  const range = { from: '-', to: '+', wanted: () => true };
  expect(await replayInto(operator, STREAM, 'monitor', range)).toEqual({ again: 1, unread: 0, trimmed: false });
  await eventually(() => expect(seen).toEqual(['a', 'a']));
  expect(await refusals()).toEqual([]);
  await expect(operator.xack(STREAM, 'monitor', '0-1')).rejects.toThrow('NOPERM');
  operator.disconnect();
});
