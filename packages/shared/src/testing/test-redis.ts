import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { choosePort, onPort } from '../embedded/ports.js';
import { redisUrlOf } from '../embedded/record.js';
import { startRedis } from '../embedded/redis.js';
import { findRedis } from '../embedded/redis-program.js';
import type { RunningServer } from '../embedded/server.js';
import { remember, testFolder } from './test-servers.js';
import { withClient } from './with-client.js';

/** A Redis with nothing in it. */
export interface FreshRedis {
  url: string;
  host: '127.0.0.1';
  port: number;
  password: string;
  db: 0;
}

export interface TestRedis {
  /**
   * Empties the worker's Redis (FLUSHALL) and sets its configuration back to what it was at the start: call it before each test.
   * Tests of one file that run concurrently would empty each other's: such tests take an `ownRedis` each.
   */
  fresh(): Promise<FreshRedis>;
}

let shared: Promise<TestRedis> | undefined;

/** The one real Redis of this test worker, started when first asked for. Its data goes with it. */
export function testRedis(): Promise<TestRedis> {
  shared ??= start();
  return shared;
}

async function start(): Promise<TestRedis> {
  const password = randomBytes(16).toString('hex');
  const server = remember(await launchTestRedis(password));
  const fresh: FreshRedis = { url: redisUrlOf(server.port, password), host: '127.0.0.1', port: server.port, password, db: 0 };
  const initially = await withClient(fresh.url, configurationOf);
  return {
    fresh: async () => {
      await withClient(fresh.url, async (redis) => {
        const now = await configurationOf(redis);
        for (const [name, value] of initially) {
          if (now.get(name) !== value) await redis.config('SET', name, value);
        }
        await redis.flushall();
        await redis.script('FLUSH');
        await redis.config('RESETSTAT');
      });
      return fresh;
    },
  };
}

/**
 * Starts an empty Redis that goes with this process, and its folder with it.
 * @param choose the port of each attempt: a free one where it is not given. Every attempt has a folder of its own, since
 * one whose port was taken by another meanwhile takes its folder with it.
 */
export async function launchTestRedis(password: string, choose = () => choosePort(0)): Promise<RunningServer> {
  const program = await findRedis();
  // An append-only file, since a service refuses a Redis without one; nobody waits for the disk.
  const lines = ['appendfsync no', 'auto-aof-rewrite-percentage 0'];
  return onPort(choose, async (port) => {
    const folder = await testFolder();
    return startRedis({ program, folder, password, lines, port, removeAfter: folder });
  });
}

async function configurationOf(redis: Redis): Promise<Map<string, string>> {
  const flat = (await redis.config('GET', '*')) as string[];
  const all = new Map<string, string>();
  for (let i = 0; i < flat.length; i += 2) all.set(flat[i] ?? '', flat[i + 1] ?? '');
  return all;
}
