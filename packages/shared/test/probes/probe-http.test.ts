import { afterEach, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/index.js';
import type { Probe } from '../../src/probes/probe.js';
import { httpProbe } from '../../src/probes/probe-http.js';
import { tcpProbe } from '../../src/probes/probe-tcp.js';
import { systemClock } from '../../src/runtime/index.js';
import { redactor, Secret } from '../../src/secrets/index.js';
import { eventually, faultProxy, freePort, type HttpStandIn, httpStandIn } from '../../src/testing/index.js';

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function standIn(says: HttpStandIn['says']): Promise<HttpStandIn> {
  const server = await httpStandIn(says);
  ends.push(server.close);
  return server;
}

function healthOf(health: object) {
  const [service] = parseConfig(JSON.stringify({ inventory: { services: [{ name: 'crm', health }] } })).inventory.services;
  if (service === undefined) throw new Error('no service');
  return service.health;
}

function probe(health: object, token?: string): Probe {
  const parsed = healthOf(health);
  const secret = () => (token === undefined ? undefined : new Secret(token));
  if (parsed.kind !== 'http' && parsed.kind !== 'tcp') throw new Error('http or tcp only');
  const linkEnded = () => {
    linkEnds += 1;
  };
  const deps = { clock: systemClock, secret, linkEnded };
  const made = parsed.kind === 'http' ? httpProbe(parsed, deps) : tcpProbe(parsed, deps);
  ends.push(made.close);
  return made;
}

let linkEnds = 0;
const never = new AbortController().signal;
const ask = (asked: Probe) => asked.run(never);

test('a good answer is ok, with its time, and the connection is kept', async () => {
  const server = await standIn({ '/health': { body: { status: 'ok', db: { connected: true } } } });
  const crm = probe({ http: `${server.url}/health`, json: { status: 'ok' }, affirms: ['db.connected'] });
  for (let times = 0; times < 3; times += 1)
    expect(await ask(crm)).toMatchObject({ outcome: 'ok', detail: 'HTTP 200, as expected' });
  expect((await ask(crm)).responseMs).toBeGreaterThan(0);
  expect(server.requests).toHaveLength(4);
  expect(server.connections()).toBe(1);
  await crm.close();
  await eventually(() => expect(server.open()).toBe(0));
});

test('a page with status 200, as OpenClaw answers GET /status, is no health answer', async () => {
  const page = {
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<!doctype html><title>OpenClaw Control</title>',
  };
  const server = await standIn({ '/status': page });
  expect(await ask(probe({ http: `${server.url}/status` }))).toMatchObject({ outcome: 'failed', responseMs: expect.any(Number) });
  expect(await ask(probe({ http: `${server.url}/status`, html: true }))).toMatchObject({ outcome: 'ok' });
});

test('where the first URL is gone the second one is asked, and first from then on', async () => {
  const server = await standIn({ '/api/v1/heartbeat': { status: 410 }, '/api/v2/heartbeat': { body: { beat: 1 } } });
  const health = { http: `${server.url}/api/v1/heartbeat`, when_gone: `${server.url}/api/v2/heartbeat` };
  const chroma = probe(health);
  for (let times = 0; times < 3; times += 1) expect(await ask(chroma)).toMatchObject({ outcome: 'ok' });
  const paths = () => server.requests.map(({ path }) => path.split('/')[2]);
  expect(paths()).toEqual(['v1', 'v2', 'v2', 'v2']);
  // An older version was put in its place.
  server.says['/api/v1/heartbeat'] = { body: { beat: 1 } };
  delete server.says['/api/v2/heartbeat'];
  expect(await ask(chroma)).toMatchObject({ outcome: 'ok' });
  server.says['/api/v1/heartbeat'] = { status: 500 };
  expect(await ask(chroma)).toMatchObject({ outcome: 'failed', detail: 'HTTP 500: expected 200' });
});

test('a redirect is not followed, and is named without its query', async () => {
  const server = await standIn({
    '/health': { status: 302, headers: { location: '/login?session=abcdef123456' } },
    '/login': {},
  });
  expect(await ask(probe({ http: `${server.url}/health` }))).toMatchObject({
    outcome: 'failed',
    detail: 'HTTP 302 to /login (not followed): expected 200',
  });
  expect(server.requests).toHaveLength(1);
});

test('the token goes to the server, and into no detail, even when the server says it back', async () => {
  const token = 'canary-token-of-the-crm';
  redactor.add(token);
  const server = await standIn({ '/health': { body: { echo: token } } });
  const result = await ask(probe({ http: `${server.url}/health?key=other-canary`, json: { echo: 'x' } }, token));
  expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${token}`);
  expect(result.detail).toBe('HTTP 200, but echo is "[redacted]": expected "x"');
});

test('a body of more than 1 MB is refused without being read to its end', async () => {
  const server = await standIn({ '/health': { body: 'x'.repeat(3_000_000) } });
  expect(await ask(probe({ http: `${server.url}/health` }))).toMatchObject({
    outcome: 'failed',
    detail: 'the answer is larger than 1 MB: expected a health answer',
  });
});

test('nobody there, no such host, no answer in time: failures in words', async () => {
  const http = `http://127.0.0.1:${await freePort()}/`;
  expect(await ask(probe({ http }))).toMatchObject({
    outcome: 'failed',
    responseMs: null,
    detail: 'connection refused: nothing listens there',
  });
  expect(await ask(probe({ http: 'http://no-such-host.invalid/' }))).toMatchObject({
    outcome: 'failed',
    detail: expect.stringMatching(/host name/),
  });
  const server = await standIn({ '/health': 'hang' });
  const hanging = probe({ http: `${server.url}/health` });
  const cut = new AbortController();
  const answer = hanging.run(cut.signal);
  await eventually(() => expect(server.requests).toHaveLength(1));
  cut.abort(new Error('no answer within 50 ms'));
  expect(await answer).toMatchObject({ outcome: 'failed', detail: 'no answer within 50 ms' });
  // The request is taken back, and the next one is a new one.
  await eventually(() => expect(server.open()).toBe(0));
  server.says['/health'] = {};
  expect(await ask(hanging)).toMatchObject({ outcome: 'ok' });
});

test('an answer later than `within` is slow', async () => {
  const server = await standIn({ '/health': {} });
  const proxy = await faultProxy({ port: server.port });
  ends.push(proxy.close);
  proxy.latency(30);
  const slow = await ask(probe({ http: `http://127.0.0.1:${proxy.port}/health`, within: '20ms' }));
  expect(slow.outcome).toBe('slow');
  expect(slow.responseMs).toBeGreaterThan(20);
  expect(slow.detail).toMatch(/^HTTP 200, after [\d.]+ ms: expected within 20 ms$/);
});

test('a kept connection that the server has closed meanwhile is no failure', async () => {
  const server = await standIn({ '/health': {} });
  const crm = probe({ http: `${server.url}/health` });
  expect(await ask(crm)).toMatchObject({ outcome: 'ok' });
  server.hangUp();
  expect(await ask(crm)).toMatchObject({ outcome: 'ok' });
  // Once more, with the connection reset just when the question arrives.
  const proxy = await faultProxy({ port: server.port });
  ends.push(proxy.close);
  const proxied = probe({ http: `http://127.0.0.1:${proxy.port}/health` });
  expect(await ask(proxied)).toMatchObject({ outcome: 'ok' });
  const cut = proxy.cutNextReply();
  expect(await ask(proxied)).toMatchObject({ outcome: 'ok' });
  await cut;
});

test('a port that takes connections is ok, and gets no more than one connection a check', async () => {
  const server = await standIn({});
  expect(await ask(probe({ tcp: { port: server.port } }))).toMatchObject({
    outcome: 'ok',
    detail: `port ${server.port} is open`,
  });
  await eventually(() => expect(server.open()).toBe(0));
  expect(await ask(probe({ tcp: { port: await freePort() } }))).toMatchObject({ outcome: 'failed' });
});

test('the kept connection: that the service ends it between two checks is told once; what we end ourselves is not', async () => {
  linkEnds = 0;
  const server = await standIn({ '/': {} });
  const asked = probe({ http: server.url });
  await ask(asked);
  await ask(asked);
  await server.close();
  await eventually(() => expect(linkEnds).toBe(1));
  expect(await ask(asked)).toMatchObject({ outcome: 'failed', gone: true });
  const other = await standIn({ '/': {} });
  const second = probe({ http: other.url });
  await ask(second);
  await second.close();
  await eventually(() => expect(other.open()).toBe(0));
  expect(linkEnds).toBe(1);
});
