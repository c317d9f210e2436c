import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Scope } from '../../src/config/index.js';
import { askedBy } from '../../src/runtime/access.js';
import { openHttpServer } from '../../src/runtime/http.js';
import { createLogger } from '../../src/runtime/index.js';
import { Tokens } from '../../src/runtime/tokens.js';
import { Secret } from '../../src/secrets/index.js';

const OWN = 'own-token-of-the-instance';
const NAMES = ['read', 'operate', 'approve'] as const;
const secretOf = (name: string) => (name === 'own' ? OWN : `${name}-token-of-somebody`);
const LOOPBACK = '127.0.0.1';
const OPEN = '0.0.0.0';

describe.each([LOOPBACK, OPEN])('an address that is %s', (bind) => {
  let server: Awaited<ReturnType<typeof openHttpServer>>;
  let log: string[];
  let reached: string[];

  beforeEach(async () => {
    [log, reached] = [[], []];
    const given = NAMES.map((name) => ({ name, scopes: [name] as Scope[], token_env: name.toUpperCase() }));
    const variables = Object.fromEntries(NAMES.map((name) => [name.toUpperCase(), secretOf(name)]));
    const facts = {
      bind,
      port: 0,
      tokens: Tokens.open(new Secret(OWN), given, variables),
      metrics: new Registry(),
      log: createLogger('debug', { write: (line) => log.push(line) }),
      missing: () => ({}),
    };
    server = await openHttpServer(facts, (router, scoped) => {
      router.get('/things', (_request, response) => void response.json({}));
      router.route('/things').delete((_request, response) => void response.json({}));
      router.post('/things', (request, response) => {
        reached.push(askedBy(response, request.body.by));
        response.json({});
      });
      scoped('approve').post('/things/:id/approve', (request, response) => {
        reached.push(askedBy(response, request.body.by));
        response.json({});
      });
    });
  });
  afterEach(() => server.close());

  async function call(method: string, path: string, token: string, body?: object) {
    const headers = {
      ...(token === 'none' ? {} : { authorization: `Bearer ${token === 'wrong' ? 'x'.repeat(OWN.length) : secretOf(token)}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${server.port}${path}`, { method, headers, ...sent });
    return { status: response.status, text: await response.text() };
  }

  const readsFree = bind === LOOPBACK ? 200 : 401;
  const TOKENS = ['none', 'wrong', 'read', 'operate', 'approve', 'own'];
  test.each([
    ['GET', '/things', [readsFree, readsFree, 200, 200, 200, 200]],
    ['HEAD', '/things', [readsFree, readsFree, 200, 200, 200, 200]],
    ['GET', '/metrics', [readsFree, readsFree, 200, 200, 200, 200]],
    ['POST', '/things', [401, 401, 403, 200, 403, 200]],
    ['DELETE', '/things', [401, 401, 403, 200, 403, 200]],
    ['POST', '/things/1/approve', [401, 401, 403, 403, 200, 200]],
    // Express takes these for the same path: another spelling must not be another scope.
    ['POST', '/Things/1/APPROVE/', [401, 401, 403, 403, 200, 200]],
    ['POST', '/things/1/%61pprove', [401, 401, 403, 403, 200, 200].map((status) => (status === 401 ? 401 : 404))],
    ['POST', '/nothing', [401, 401, 404, 404, 404, 404]],
    ['GET', '/healthz', [200, 200, 200, 200, 200, 200]],
  ])('%s %s', async (method, path, expected) => {
    const body = method === 'POST' ? {} : undefined;
    const statuses = await Promise.all(TOKENS.map(async (token) => (await call(method, path, token, body)).status));
    expect(Object.fromEntries(TOKENS.map((token, at) => [token, statuses[at]]))).toEqual(
      Object.fromEntries(TOKENS.map((token, at) => [token, expected[at]])),
    );
  });

  test('a refusal names the token and the scope, is in the log, and never shows the token itself', async () => {
    const { text } = await call('POST', '/things/1/approve', 'operate', {});
    expect(JSON.parse(text)).toMatchObject({
      error: 'SCOPE_MISSING',
      message: expect.stringMatching(/token operate .*scope approve/),
    });
    await call('POST', '/things/1/approve', 'wrong', {});
    const lines = log.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { level: 'warn', token_name: 'operate', scope: 'approve', path: '/things/1/approve' },
      { level: 'warn', msg: 'refused: no token that is known' },
    ]);
    expect(log.join('')).not.toContain(secretOf('operate'));
    expect(reached).toEqual([]);
  });

  test('who asked is recorded with the token that it was', async () => {
    await call('POST', '/things', 'operate', { by: 'maurice' });
    await call('POST', '/things', 'operate', { by: ' ' });
    await call('POST', '/things', 'operate', { by: 'x'.repeat(500) });
    await call('POST', '/things/1/approve', 'approve', {});
    await call('POST', '/things', 'own', { by: 'maurice' });
    await call('POST', '/things', 'own', {});
    expect(reached).toEqual([
      'maurice (token operate)',
      'token operate',
      `${'x'.repeat(184)} (token operate)`,
      'token approve',
      'maurice',
      'operator',
    ]);
  });
});
