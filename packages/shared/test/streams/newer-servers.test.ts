import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { judgeServer, listDeadLetters, readServerFacts } from '../../src/streams/index.js';
import { eventually, ownRedis } from '../../src/testing/index.js';
import { GROUP, STREAM, testBus } from './bus.js';
import { level, publishing } from './publishing.js';

const TOOL = fileURLToPath(new URL('../../../../tools/newer-redis.mjs', import.meta.url));

/** The newer servers of this machine, fetched at the first time; or why there are none. */
function newerServers(): { redis?: string; valkey?: string; why?: string } {
  try {
    return JSON.parse(execFileSync(process.execPath, [TOOL], { encoding: 'utf8', timeout: 90_000 }));
  } catch (error) {
    return { why: `tools/newer-redis.mjs: ${String(error)}` };
  }
}

const found = newerServers();

it.for(['redis', 'valkey'] as const)(
  'a newer %s says when a guard level is on its disk; where it does not, it is refused',
  { timeout: 60_000 },
  async (kind, { skip }) => {
    const path = found[kind];
    if (path === undefined) return skip(found.why);
    const server = await ownRedis({ program: { kind: 'binary', path, version: '8.0' } });
    const here = await publishing(server.url, { confirmDisk: true, replicaTimeoutMs: 3000 });
    try {
      await here.publisher.publish([level(1)]);
      // Killed with the machine's page cache alive, it proves little; that the server waits for its disk is seen below.
      await here.client.config('SET', 'appendfsync', 'no');
      await expect(here.publisher.publish([level(2)])).rejects.toMatchObject({
        code: 'BUS_NOT_REPLICATED',
        fields: { wanted: 0, confirmed: 0, disk: false },
      });
      await here.client.config('SET', 'appendfsync', 'everysec');
      await here.publisher.publish([level(2)]);
      // Found there and waited for, not stored again.
      expect(await here.client.xlen('ops:guard')).toBe(2);
      const alone = await publishing(server.url, { confirmDisk: true, minReplicas: 1, replicaTimeoutMs: 3000 });
      await expect(alone.publisher.publish([level(3)])).rejects.toMatchObject({
        fields: { wanted: 1, confirmed: 0, disk: true },
      });
      await alone.close();
    } finally {
      await here.close();
      await server.close();
    }
  },
);

it.for(['redis', 'valkey'] as const)('a newer %s: publish, consume, claim, dead letter', async (kind, { skip }) => {
  const path = found[kind];
  if (path === undefined) return skip(found.why);
  const version = /v=([\d.]+)/.exec(execFileSync(path, ['--version'], { encoding: 'utf8' }))?.[1] ?? '';
  const server = await ownRedis({ program: { kind: 'binary', path, version } });
  const bus = await testBus(server.url);
  try {
    const [facts] = await readServerFacts(bus.client);
    expect(facts).toMatchObject({ kind, version, appendOnly: true, features: { waitaof: true } });
    expect(facts && judgeServer(facts, 'refuse')).toEqual([]);

    // One that read an entry and died.
    await bus.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
    await bus.report('stranded');
    await bus.client.xreadgroup('GROUP', GROUP, 'dead', 'COUNT', 1, 'STREAMS', STREAM, '>');
    const seen: string[] = [];
    await bus.join({
      'alert.reported': ({ subject }) => {
        if (subject === 'poison') throw new Error('never');
        seen.push(subject);
        return [];
      },
    });
    for (const subject of ['a', 'poison', 'b']) await bus.report(subject);
    await eventually(() => expect([...seen].sort()).toEqual(['a', 'b', 'stranded']));
    await eventually(async () => expect(await listDeadLetters(bus.client, STREAM)).toHaveLength(1));
    await eventually(async () => expect((await bus.client.xpending(STREAM, GROUP))[0]).toBe(0));
  } finally {
    await bus.close();
    await server.close();
  }
});
