import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { eventually } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningInstance, startInstance } from './instance.js';

const canary = () => `c4n4ry-${randomBytes(12).toString('hex')}`;
const TOKEN = canary();
const CRM_TOKEN = canary();
const GATEWAY_TOKEN = canary();

let instance: RunningInstance;
let crm: Server;
let asked: string | undefined;

// A service that is indiscreet: it repeats the token that it was given.
beforeAll(async () => {
  crm = createServer((request, response) => {
    asked = request.headers.authorization;
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: `bad token ${asked}`, status: asked }));
  });
  await new Promise<void>((resolve) => crm.listen(0, '127.0.0.1', resolve));
  const { port } = crm.address() as AddressInfo;
  instance = await startInstance({
    yaml: `
inventory:
  services:
    - { name: crm, port: ${port}, health: { http: "http://127.0.0.1:${port}/api/health", status: [200, 401], json: { status: ok }, token_env: CRM_TOKEN }, interval: 300ms }
    - { name: openclaw, port: 2, health: { openclaw: { url: "ws://127.0.0.1:2" }, token_env: GATEWAY_TOKEN }, interval: 300ms }
`,
    env: { OPS_TOKEN: TOKEN, CRM_TOKEN, GATEWAY_TOKEN, OPS_LOG_LEVEL: 'trace' },
  });
}, 120_000);

afterAll(async () => {
  crm.closeAllConnections();
  crm.close();
  await instance.stop();
}, 60_000);

test('no secret in any log, event, key, metric, answer, error or output', { timeout: 60_000 }, async () => {
  const redisPassword = new URL(instance.redisUrl).password;
  const postgresPassword = readFileSync(join(instance.home, 'secrets', 'postgresql-password'), 'utf8').trim();
  const secrets = { TOKEN, CRM_TOKEN, GATEWAY_TOKEN, redisPassword, postgresPassword };
  await eventually(() => expect(asked).toBe(`Bearer ${CRM_TOKEN}`));
  await eventually(async () => expect((await instance.ops('alerts')).stdout).toContain('crm'), { within: 20_000 });

  const redis = new Redis(instance.redisUrl);
  // Somebody writes a secret of ours into an event, a dead letter and a request.
  const data = {
    service: `crm ${CRM_TOKEN}`,
    status: 'CRITICAL',
    metric: 'm',
    threshold: TOKEN,
    current_value: instance.redisUrl,
    timestamp: new Date().toISOString(),
  };
  await redis.xadd('ops:alerts', '*', 'type', 'alert.reported', 'data', JSON.stringify(data));
  await redis.xadd('ops:guard', '*', 'type', 'guard.reported', 'data', JSON.stringify({ level: TOKEN }));
  const base = `http://127.0.0.1:${instance.port}`;
  const post = (path: string, body: string) =>
    fetch(`${base}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body,
    });
  const refusals = await Promise.all([
    post('/alerts', JSON.stringify({ service: { CRM_TOKEN } })),
    post('/alerts', `{"token": "${CRM_TOKEN}`),
    post(`/alerts/${CRM_TOKEN}/acknowledge`, JSON.stringify({ reason: 'x' })),
    fetch(`${base}/${GATEWAY_TOKEN}`),
  ]);
  await eventually(async () => expect(await instance.json<unknown[]>('dead-letters')).toHaveLength(1));
  await eventually(async () => expect((await instance.ops('incidents')).stdout).toContain('[redacted]'));

  const places: Record<string, string> = {
    'the console': instance.said(),
    'the log': readFileSync(join(instance.home, 'logs', 'ops.ndjson'), 'utf8'),
    metrics: await (await fetch(`${base}/metrics`)).text(),
    'the instance file': readFileSync(join(instance.home, 'instance.json'), 'utf8'),
    refusals: (await Promise.all(refusals.map((refusal) => refusal.text()))).join('\n'),
  };
  for (const path of ['/status', '/guard', '/alerts?all=true', '/incidents', '/readyz'])
    places[path] = await (await fetch(`${base}${path}`)).text();
  for (const args of [
    ['status'],
    ['alerts'],
    ['incidents'],
    ['dead-letters'],
    ['tail', '--no-follow'],
    ['tail', '--no-follow', '-o', 'ndjson'],
    ['doctor'],
  ]) {
    const { stdout, stderr } = await instance.ops(...args);
    places[`ops ${args.join(' ')}`] = stdout + stderr;
  }
  // What we have written ourselves; what others wrote lies in their streams as they wrote it.
  const own = (
    await Promise.all(
      ['ops:guard', 'ops:alerts', 'ops:directives', 'ops:incidents', 'ops:status'].map((stream) =>
        redis.xrange(stream, '-', '+'),
      ),
    )
  ).flat();
  places['our events'] = own
    .filter(([, fields]) => fields[0] === 'event')
    .map(([, fields]) => fields[1])
    .join('\n');
  places['our keys'] = `${await redis.get('ops:status:current')}${await redis.keys('*')}`;
  redis.disconnect();

  for (const [place, text] of Object.entries(places)) {
    for (const [name, secret] of Object.entries(secrets)) expect(text.includes(secret), `${name} in ${place}`).toBe(false);
  }
});
