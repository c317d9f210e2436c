import { afterEach, describe, expect, it } from 'vitest';
import { findingText, judgeServer, openClient, parseServerFacts, readServerFacts } from '../../src/streams/index.js';
import { ownRedis, withClient } from '../../src/testing/index.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The text of INFO, as far as it is read. */
const info = (fields: Record<string, string | undefined> = {}) =>
  Object.entries({
    redis_version: '7.0.15',
    redis_mode: 'standalone',
    role: 'master',
    aof_enabled: '1',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    ...fields,
  })
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}:${value}`]))
    .join('\r\n');
const judged = (fields: Record<string, string | undefined>, policy: 'refuse' | 'warn' = 'refuse') =>
  judgeServer(parseServerFacts('h:1', info(fields)), policy);

describe('what a server is judged by', () => {
  it.each([
    ['as it must be', {}, []],
    ['the oldest Redis', { redis_version: '7.0.0' }, []],
    ['a newer one', { redis_version: '8.10.1' }, []],
    ['the oldest Valkey', { server_name: 'valkey', valkey_version: '7.2.0', redis_version: '7.2.4' }, []],
    [
      'Redis older than 7.0',
      { redis_version: '6.2.14' },
      [['refuse', /version is Redis 6.2.14: expected Redis 7.0 or Valkey 7.2/]],
    ],
    ['without an append-only file', { aof_enabled: '0' }, [['refuse', /appendonly is "no": expected "yes"/]]],
    ['one that does not say it', { aof_enabled: undefined }, [['refuse', /appendonly is not told/]]],
    [
      'one that evicts',
      { maxmemory_policy: 'allkeys-lru' },
      [['refuse', /maxmemory-policy is "allkeys-lru": expected "noeviction"/]],
    ],
    [
      'both',
      { aof_enabled: '0', maxmemory_policy: 'volatile-ttl' },
      [
        ['refuse', /appendonly/],
        ['refuse', /volatile-ttl/],
      ],
    ],
    ['a Sentinel', { redis_mode: 'sentinel', aof_enabled: undefined }, [['refuse', /it is a Sentinel/]]],
  ])('%s', (_what, fields, expected) => {
    expect(judged(fields).map(({ verdict, problem }) => [verdict, problem])).toEqual(
      expected.map(([verdict, problem]) => [verdict, expect.stringMatching(problem as RegExp)]),
    );
  });

  it.each([
    ['7.0.15', false, []],
    ['7.0.15', true, ['bus.confirm_disk is on, and Redis 7.0.15 has no WAITAOF: expected Redis or Valkey 7.2, or newer']],
    ['7.2.0', true, []],
  ])('Redis %s where bus.confirm_disk is %s', (version, confirmDisk, expected) => {
    const facts = parseServerFacts('h:1', info({ redis_version: version }));
    expect(judgeServer(facts, 'warn', confirmDisk).map(({ problem }) => problem)).toEqual(expected);
  });

  it('with `warn`, what ops.yaml may allow is a warning; an old version is refused all the same', () => {
    const found = judged({ aof_enabled: '0', maxmemory_policy: 'allkeys-lru', redis_version: '6.0.0' }, 'warn');
    expect(found.map(({ verdict }) => verdict)).toEqual(['refuse', 'warn', 'warn']);
  });

  it('the text names the setting, its value, the expectation, how to mend it, and the key that allows it', () => {
    expect(findingText('h:1', judged({ aof_enabled: '0' }))).toBe(
      'Redis at h:1: appendonly is "no": expected "yes"; a restart forgets events that were accepted. ' +
        'To mend it: `redis-cli CONFIG SET appendonly yes` now, and `appendonly yes` in its configuration file. ' +
        'Or allow it: `bus: { unsafe_redis: warn }` in ops.yaml.',
    );
    expect(findingText('h:1', judged({ redis_version: '6.0.0' }))).not.toContain('ops.yaml');
  });
});

describe('what a server can do', () => {
  it.each([
    ['7.0.15', {}, []],
    ['7.2.4', {}, ['waitaof']],
    ['8.2.0', {}, ['waitaof', 'xackdel']],
    ['8.4.0', {}, ['waitaof', 'xackdel', 'readgroupClaim']],
    ['8.6.0', {}, ['waitaof', 'xackdel', 'readgroupClaim', 'idempotentAdd']],
    ['8.10.0', {}, ['waitaof', 'xackdel', 'readgroupClaim', 'idempotentAdd', 'xnack']],
    ['7.2.4', { valkey_version: '9.0.0', server_name: 'valkey' }, ['waitaof']],
  ])('Redis %s %j, by its version', (version, more, expected) => {
    const { features } = parseServerFacts('h:1', info({ redis_version: version, ...more }));
    expect(Object.entries(features).flatMap(([name, has]) => (has ? [name] : []))).toEqual(expected);
  });

  it('what its commands say counts more than its version', () => {
    const { features } = parseServerFacts('h:1', info({ redis_version: '7.2.4' }), [false, true, true]);
    expect(features).toMatchObject({ waitaof: false, xackdel: true, xnack: true });
  });

  it('is asked of a real one, also by a user who may ask for INFO alone', async () => {
    const server = await ownRedis({ lines: ['maxmemory-policy volatile-lru', 'maxmemory 100mb'] });
    closing.push(() => server.close());
    await withClient(server.url, (redis) =>
      redis.call('ACL', 'SETUSER', 'few', 'on', '>few-password', '-@all', '+info', '+hello', '+ping'),
    );
    for (const user of [`default:${server.password}`, 'few:few-password']) {
      const client = openClient(`redis://${user}@127.0.0.1:${server.port}`, 'test');
      closing.push(() => client.disconnect());
      const [facts] = await readServerFacts(client);
      expect(facts).toMatchObject({
        address: `127.0.0.1:${server.port}`,
        mode: 'standalone',
        role: 'master',
        appendOnly: true,
        maxmemoryPolicy: 'volatile-lru',
        maxmemory: 100 * 1024 * 1024,
      });
      expect(facts?.version).toMatch(/^\d+\.\d+/);
    }
  });
});
