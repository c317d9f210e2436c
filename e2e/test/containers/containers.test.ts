import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { STREAMS, type StreamName } from '@ops/shared/events';
import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeImage, postgresImage, redisImage } from './base-images.js';
import { buildImage, openStack, type Stack } from './stack.js';
import { workspaceContext } from './workspace-context.js';

const SERVICES = ['monitor', 'scaler', 'incident'] as const;
const EVERYBODY = [...SERVICES, 'redis', 'postgres'];

describe.skipIf(process.env.OPS_TEST_DOCKER !== '1')('docker-compose.yml on a real engine', () => {
  const run = `ops-e2e-${randomBytes(4).toString('hex')}`;
  const images = { ops: `${run}:ops`, redis: `${run}:redis`, postgres: `${run}:postgres`, node: `${run}:node` };
  const clients: Redis[] = [];
  let scratch: string;
  let stack: Stack;

  /** Through the published port, as somebody outside would come. */
  async function client(user: string): Promise<Redis> {
    const redis = new Redis((await secret(`redis-url-${user}`)).replace('redis:6379', `127.0.0.1:${stack.ports.redis}`));
    clients.push(redis);
    return redis;
  }

  const secret = (name: string) => readFile(join(stack.secrets, name), 'utf8');

  async function eventsOf(reader: Redis, stream: StreamName): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const entries = await reader.xrange(stream, '-', '+');
    return entries.flatMap(([, fields]) => (fields[0] === 'event' ? [JSON.parse(fields[1] ?? '')] : []));
  }

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'ops-containers-'));
    const context = join(scratch, 'context');
    await mkdir(context);
    await Promise.all([
      nodeImage(scratch, images.node),
      redisImage(scratch, images.redis),
      postgresImage(scratch, images.postgres),
      workspaceContext(resolve(import.meta.dirname, '../../..'), context),
    ]);
    await buildImage(images.ops, context, images.node);
    stack = await openStack(scratch, run, images);
    await stack.up();
  }, 120_000);

  afterAll(async () => {
    for (const redis of clients) redis.disconnect();
    await stack?.remove();
    await execa('docker', ['image', 'rm', '--force', ...Object.values(images)], { reject: false });
    await rm(scratch, { recursive: true, force: true });
  }, 60_000);

  it('starts everything, healthy, and every service says ready at its published port', async () => {
    const containers = await stack.inspect();
    expect(Object.keys(containers).sort()).toEqual([...EVERYBODY].sort());
    for (const name of EVERYBODY) expect(containers[name]?.State, name).toMatchObject({ Health: { Status: 'healthy' } });
    for (const service of SERVICES) {
      const response = await fetch(`http://127.0.0.1:${stack.ports[service]}/readyz`);
      expect([service, response.status, await response.json()]).toEqual([
        service,
        200,
        { status: 'ready', missing: { [service]: [] } },
      ]);
    }
  });
});
