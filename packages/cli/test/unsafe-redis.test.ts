import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, type OwnRedis, ownRedis, testPostgres } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const YAML = 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }\n';
const home = mkdtempSync(join(tmpdir(), 'ops-cli-'));
let redis: OwnRedis;
let databaseUrl: string;

beforeAll(async () => {
  redis = await ownRedis({ durable: false });
  databaseUrl = await (await testPostgres()).fresh();
});
afterAll(async () => {
  await redis.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs `ops` on a Redis without an append-only file. */
function ops(args: string[], yaml = YAML) {
  const config = join(home, 'ops.yaml');
  writeFileSync(config, yaml);
  const env = { OPS_HOME: join(home, 'data'), OPS_PORT: '17700', OPS_CONFIG: config };
  return execa(process.execPath, [MAIN, ...args], {
    env: { ...env, REDIS_URL: redis.url, DATABASE_URL: databaseUrl },
    reject: false,
  });
}

const REFUSAL = /appendonly is "no": expected "yes".*redis-cli CONFIG SET appendonly yes.*bus: \{ unsafe_redis: warn \}/;

test('`ops up` ends with exit code 1, and says the setting, the way to mend it and the key that allows it', async () => {
  const { exitCode, stderr } = await ops(['up']);
  expect(stderr).toMatch(REFUSAL);
  expect(stderr).not.toContain(redis.password);
  expect(exitCode).toBe(1);
});

test('a service as a process of its own does the same', async () => {
  const main = fileURLToPath(new URL('../../../services/scaler/dist/main.js', import.meta.url));
  const config = join(home, 'service.yaml');
  writeFileSync(config, YAML);
  const env = { OPS_HOME: home, OPS_PORT: '17701', OPS_CONFIG: config, OPS_TOKEN: 'a-token-of-some-length' };
  const { exitCode, stderr } = await execa(process.execPath, [main], {
    env: { ...env, REDIS_URL: redis.url, DATABASE_URL: databaseUrl },
    reject: false,
  });
  expect(stderr).toMatch(REFUSAL);
  expect(exitCode).toBe(1);
});

test('`ops up` goes on where ops.yaml allows it, with a line at the console', async () => {
  const running = ops(['up'], `${YAML}bus: { unsafe_redis: warn }\n`);
  let said = '';
  running.stdout?.on('data', (part: Buffer) => {
    said += part.toString();
  });
  await eventually(() => expect(said).toMatch(/warning: Redis at .*appendonly is "no".*ready http/s), { within: 30_000 });
  running.kill('SIGTERM');
  expect((await running).exitCode).toBe(0);
});

test('`ops doctor` shows it', async () => {
  const { stdout, exitCode } = await ops(['doctor', '--json']);
  const findings = JSON.parse(stdout) as { what: string; state: string; found: string; mend: string }[];
  expect(findings.find(({ what }) => what === 'redis')).toEqual({
    what: 'redis',
    state: 'missing',
    found: expect.stringMatching(
      /^(redis|valkey) [\d.]+ at 127\.0\.0\.1:\d+ \(standalone, master\); appendonly is "no"/,
    ) as string,
    mend: expect.stringContaining('CONFIG SET appendonly yes') as string,
  });
  expect(exitCode).toBe(1);
});
