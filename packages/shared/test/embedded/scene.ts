import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import pg from 'pg';
import { type Instance, type InstanceOptions, openInstance } from '../../src/embedded/index.js';
import { identify } from '../../src/embedded/process-identity.js';
import type { InstanceRecord } from '../../src/embedded/record.js';

/** The homes and instances of one test, all gone after `clear`. */
export class Scene {
  #open: Instance[] = [];
  #children: ChildProcess[] = [];
  #folders: string[] = [];

  async home(parent = tmpdir()): Promise<string> {
    const folder = await mkdtemp(join(parent, 'ops-embedded-'));
    this.#folders.push(folder);
    // A folder that only root may enter has its PostgreSQL elsewhere: that is a case of its own.
    await chmod(folder, 0o711);
    return join(folder, 'home');
  }

  async open(options: Partial<InstanceOptions> & { home: string }): Promise<Instance> {
    const instance = await openInstance({ port: 0, ...options });
    this.#open.push(instance);
    return instance;
  }

  /** Another process that holds the instance of a home, and does nothing else. */
  async holder(home: string): Promise<ChildProcess> {
    const module = fileURLToPath(new URL('../../dist/embedded/index.js', import.meta.url));
    const script = `import { openInstance } from ${JSON.stringify(module)};
      await openInstance({ home: ${JSON.stringify(home)}, port: 0 });
      process.stdout.write('holding\\n');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    for await (const line of createInterface({ input: child.stdout })) if (line === 'holding') return child;
    throw new Error('the holder ended');
  }

  async clear(): Promise<void> {
    for (const child of this.#children) await kill(child);
    for (const instance of this.#open) await instance.close();
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  }
}

export async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

export function recordOf(home: string): InstanceRecord {
  return JSON.parse(readFileSync(join(home, 'instance.json'), 'utf8')) as InstanceRecord;
}

export function isRunning(pid: number | undefined): boolean {
  return pid !== undefined && identify(pid) !== undefined;
}

export async function onRedis<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

export async function onDatabase<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

export function isThere(...path: string[]): boolean {
  return existsSync(join(...path));
}
