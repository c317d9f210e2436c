import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPublisher, openClient, type RedisClient } from '@ops/shared/streams';
import { eventually, type OwnRedis, ownRedis } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../ops.yaml', import.meta.url));

let home: string;
let redis: OwnRedis;
let client: RedisClient;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'ops-cli-'));
  redis = await ownRedis();
  client = openClient(redis.url, 'test-cli');
  await report('first', 'second', 'third');
});
afterEach(async () => {
  client.disconnect();
  await redis.close();
  rmSync(home, { recursive: true, force: true });
});

async function report(...subjects: string[]): Promise<void> {
  const publisher = createPublisher({ client, origin: { service: 'test', host: 'h' }, now: () => Date.now() });
  for (const subject of subjects) {
    const data = {
      service: subject,
      status: 'down',
      metric: 'm',
      threshold: 1,
      current_value: 2,
      timestamp: new Date().toISOString(),
    };
    await publisher.publish([{ type: 'alert.reported', subject, data }]);
  }
  await publisher.close();
}

const start = (args: string[]) =>
  execa(process.execPath, [MAIN, ...args], {
    env: { OPS_HOME: home, OPS_PORT: '6', OPS_CONFIG: CONFIG, REDIS_URL: redis.url },
    reject: false,
  });
const ops = async (...args: string[]) => {
  const { stdout, stderr, exitCode } = await start(args);
  return { stdout, stderr, exitCode };
};
const subjects = (ndjson: string) =>
  ndjson
    .split('\n')
    .filter(Boolean)
    .map((line) => (JSON.parse(line) as { subject: string }).subject);

describe('ops replay', () => {
  test('prints the events of a range, chosen by type and subject', async () => {
    expect(subjects((await ops('replay', '--from', '1h', '-o', 'ndjson')).stdout)).toEqual(['first', 'second', 'third']);
    expect(subjects((await ops('replay', '--from', '-', '--subject', 'second', '-o', 'ndjson')).stdout)).toEqual(['second']);
    expect((await ops('replay', '--from', '-', '-t', 'guard.*', '-o', 'ndjson')).stdout).toBe('');
    const [last] = await client.xrevrange('ops:alerts', '+', '-', 'COUNT', 1);
    expect(subjects((await ops('replay', '--from', last?.[0] ?? '', '-o', 'ndjson')).stdout)).toEqual(['third']);
  });

  test('gives each event to a command, and stops at the first that fails', async () => {
    const out = join(home, 'out');
    const all = await ops('replay', '--from', '-', '--exec', `cat >> ${out}`);
    expect(all).toMatchObject({ exitCode: 0, stderr: '3 done, 0 failed' });
    expect(subjects(readFileSync(out, 'utf8'))).toEqual(['first', 'second', 'third']);
    const stopped = await ops('replay', '--from', '-', '--exec', 'grep -v second');
    expect(stopped.exitCode).toBe(1);
    expect(stopped.stderr).toMatch(/the command ended with 1 for ops:alerts \d+-\d+; 1 before it were done/);
    const went = await ops('replay', '--from', '-', '--keep-going', '--exec', 'grep -v second');
    expect(went).toMatchObject({ exitCode: 1, stderr: '2 done, 1 failed' });
  });

  test('shows what a group would handle again, and lets it with --yes', async () => {
    await client.xgroup('CREATE', 'ops:alerts', 'incident', '0');
    await client.xreadgroup('GROUP', 'incident', 'm', 'COUNT', 2, 'STREAMS', 'ops:alerts', '>');
    const dry = await ops('replay', '--from', '-', '--group', 'incident', '--json');
    expect(JSON.parse(dry.stdout)).toEqual([{ stream: 'ops:alerts', group: 'incident', again: 2, unread: 1, trimmed: false }]);
    expect(dry.stderr).toContain('say --yes');
    await ops('replay', '--from', '-', '--subject', 'second', '--group', 'incident', '--yes');
    const read = (await client.xreadgroup('GROUP', 'incident', 'm', 'COUNT', 9, 'STREAMS', 'ops:alerts', '>')) as [
      string,
      unknown[],
    ][];
    expect(read[0]?.[1]).toHaveLength(2);
    expect((await ops('replay', '--from', '-', '--group', 'nobody')).exitCode).toBe(3);
  });

  test.each([
    ['without a beginning', ['replay']],
    ['a place that is none', ['replay', '--from', 'yesterday']],
    ['a group and a command', ['replay', '--from', '-', '--group', 'a', '--exec', 'cat']],
  ])('%s is a mistake of the command line', async (_name, args) => {
    expect((await ops(...args)).exitCode).toBe(2);
  });
});

describe('ops tail', () => {
  test('outlives a Redis that is killed, and goes on with what comes after', async () => {
    const tail = start(['tail', '-o', 'ndjson']);
    let out = '';
    tail.stdout?.on('data', (part: Buffer) => {
      out += part;
    });
    await eventually(async () => expect(String(await client.client('LIST'))).toContain('name=ops-cli'));
    await eventually(async () => {
      if (out === '') await report('before');
      expect(subjects(out)).toContain('before');
    });
    await redis.kill();
    await redis.start();
    await report('after');
    await eventually(() => expect(subjects(out)).toContain('after'), { within: 20_000 });
    tail.kill();
    await tail;
  });
});

test('ops streams shows each group with what is before it, who reads, and what was lost', async () => {
  await client.xgroup('CREATE', 'ops:alerts', 'incident', '0');
  await client.xreadgroup('GROUP', 'incident', 'm', 'COUNT', 1, 'STREAMS', 'ops:alerts', '>');
  await client.set('ops:lease:{ops:alerts}:incident', 'vm-1');
  await client.hset('ops:unread:{ops:alerts}', 'incident', 4, 'incident:at', Date.now());
  const { stdout } = await ops('streams', '--json');
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  expect(rows.find(({ stream }) => stream === 'ops:alerts')).toMatchObject({
    entries: 3,
    dead_letters: 0,
    group: 'incident',
    lag: 2,
    lag_exact: true,
    in_hand: 1,
    reader: 'vm-1',
    lost: 4,
  });
  expect((await ops('streams')).stdout).toMatch(/ops:alerts\s+3\s+0\s+incident\s+2\s+1\s+\d+ s\s+4\s+vm-1/);
});
