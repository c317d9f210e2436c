import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import type { Status } from '@ops/shared/events';
import { eventually, recorder } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningInstance, startInstance } from './instance.js';

const MARK = 'OPS_E2E_MARK';

/** The pids of all processes that were started with a mark in their environment, or work in a home (redis-server overwrites its environment). */
function left(mark: string, home: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      if (!/^\d+$/.test(pid)) return false;
      return (
        readlinkSync(`/proc/${pid}/cwd`).startsWith(home) ||
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`${MARK}=${mark}`)
      );
    } catch {
      return false;
    }
  });
}

describe('npm start', () => {
  let first: RunningInstance;
  const mark = randomBytes(8).toString('hex');

  beforeAll(async () => {
    first = await startInstance({ env: { [MARK]: mark } });
  }, 120_000);

  afterAll(async () => {
    await first.stop();
  }, 60_000);

  test('says ready, and ops status shows the live host and the seven services of the shipped ops.yaml', async () => {
    expect(first.said()).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+$/m);
    const status = await eventually(
      async () => {
        const seen = await first.json<Status>('status');
        expect(seen.resource_utilisation.cpu_percent).not.toBeNull();
        expect(seen.services.every(({ checked_at }) => checked_at !== null)).toBe(true);
        return seen;
      },
      { within: 20_000 },
    );
    expect(status.services.map(({ service }) => service)).toEqual([
      'atomic-reactor',
      'openclaw',
      'crm',
      'redis',
      'postgresql',
      'chromadb',
      'ollama',
    ]);
    const table = await first.ops('status');
    expect(table.stdout).toMatch(/SERVICE +STATUS +FOR +PORT/);
  });

  test('a second start on the same home is told who has it, exit code 5', async () => {
    const { exitCode, stderr } = await first.ops('up');
    expect(exitCode).toBe(5);
    expect(stderr).toContain(String(first.port));
  });

  test('two instances with two homes do not touch each other; one ends without the other, and leaves nothing behind', async () => {
    const other = randomBytes(8).toString('hex');
    const second = await startInstance({ env: { [MARK]: other } });
    try {
      expect(second.redisUrl).not.toBe(first.redisUrl);
      // The server and its watcher are seen: what is looked for in the end can be found.
      expect(left('nothing', second.home).length).toBeGreaterThan(0);
      const seen = await recorder(first.redisUrl, ['ops:alerts']);
      const report = {
        service: 'only-second',
        status: 'WARN',
        metric: 'm',
        threshold: 1,
        current_value: 2,
        timestamp: new Date().toISOString(),
      };
      await execa('redis-cli', [
        '-u',
        second.redisUrl,
        '--no-auth-warning',
        'XADD',
        'ops:alerts',
        '*',
        'type',
        'alert.reported',
        'data',
        JSON.stringify(report),
      ]);
      await eventually(async () => expect((await second.ops('alerts')).stdout).toContain('only-second'));
      expect(seen.events.some(({ fields }) => JSON.stringify(fields).includes('only-second'))).toBe(false);
      await seen.close();
    } finally {
      expect(await second.stop()).toBe(0);
    }
    await eventually(() => expect(left(other, second.home)).toEqual([]));
    expect((await first.ops('status')).exitCode).toBe(0);
  }, 90_000);

  test('SIGTERM ends it with exit code 0 and leaves no process behind; the next start reuses its data', async () => {
    const again = await startInstance({ env: { [MARK]: `${mark}-2` } });
    const report = {
      service: 'kept',
      status: 'WARN',
      metric: 'm',
      threshold: 1,
      current_value: 2,
      timestamp: new Date().toISOString(),
    };
    await execa('redis-cli', [
      '-u',
      again.redisUrl,
      '--no-auth-warning',
      'XADD',
      'ops:alerts',
      '*',
      'type',
      'alert.reported',
      'data',
      JSON.stringify(report),
    ]);
    await eventually(async () => expect((await again.ops('alerts')).stdout).toContain('kept'));
    const next = await again.restart();
    try {
      expect(await again.exitCode()).toBe(0);
      await eventually(async () => expect((await next.ops('alerts')).stdout).toContain('kept'));
    } finally {
      expect(await next.stop()).toBe(0);
    }
    await eventually(() => expect(left(`${mark}-2`, again.home)).toEqual([]));
  }, 90_000);
});
