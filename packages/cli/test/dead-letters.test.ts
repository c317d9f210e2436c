import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { keys } from '@ops/shared/events';
import { testRedis, withClient } from '@ops/shared/testing';
import { execa } from 'execa';
import { beforeEach, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../ops.yaml', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'ops-cli-'));
const PASSWORD = `hunter2-${'s'.repeat(20)}`;

let url: string;
let id: string;

// A dead letter as a service leaves it, of an entry of 10 MB in which a secret lies across the place where it is cut.
beforeEach(async () => {
  ({ url } = await (await testRedis()).fresh());
  const about = { stream: 'ops:alerts', id: '1-1', group: 'g', type: '', code: 'too-large', reasons: '["(entry): large"]' };
  const meta = Object.entries({ ...about, attempts: '0', at: '2026-11-23T10:00:00Z' });
  const fields = meta.flatMap(([name, value]) => [`ops-dead-${name}`, value]);
  const text = `${'x'.repeat(280)} password=${PASSWORD} ${'x'.repeat(10_000_000)}`;
  id = await withClient(url, async (redis) =>
    String(await redis.call('XADD', [keys.deadLetters('ops:alerts'), '*', ...fields, 'event', text])),
  );
});

const ops = (...args: string[]) =>
  execa(process.execPath, [MAIN, 'dead-letters', ...args], {
    env: { OPS_HOME: home, OPS_PORT: '6', OPS_CONFIG: CONFIG, REDIS_URL: url },
  });

test.each([
  ['list', []],
  ['list as JSON', ['list', '--json']],
])('%s: an entry of 10 MB is told in a few lines, and no half of a secret with it', async (_name, args) => {
  const { stdout } = await ops(...args);
  expect(stdout).toContain(id);
  expect(stdout).toContain('too-large');
  expect(stdout.length).toBeLessThan(5000);
  expect(stdout).not.toContain('hunter2');
});

test('show: the beginning of what it held, and how much it is', async () => {
  const { stdout } = await ops('show', id, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ deadId: id, size: { fields: 1, bytes: 10_000_324 } });
  expect(stdout.length).toBeLessThan(5000);
  expect(stdout).not.toContain('hunter2');
});

test('drop: it is gone', async () => {
  await ops('drop', id, '--yes');
  expect((await ops()).stdout).toContain('no dead letters');
});
