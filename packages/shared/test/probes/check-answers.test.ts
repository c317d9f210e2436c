import { describe, expect, test } from 'vitest';
import type { HealthCheck } from '../../src/config/index.js';
import { judgeHttp } from '../../src/probes/decide/check-answer.js';
import { expectationOf } from '../../src/probes/decide/check-expectation.js';
import { discountHindrance } from '../../src/probes/decide/check-hindrance.js';
import { judgeJobs } from '../../src/probes/decide/check-jobs.js';
import type { CheckResult } from '../../src/probes/decide/check-result.js';

type HttpHealth = Extract<HealthCheck, { kind: 'http' }>;
const HTTP: HttpHealth = { kind: 'http', http: 'http://crm:3500/api/health', within: 2000, status: [200], html: false };

function http(
  body: unknown,
  wanted: Partial<HttpHealth> = {},
  answer: { status?: number; contentType?: string; location?: string } = {},
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { status = 200, contentType = 'application/json', location } = answer;
  const { outcome, detail } = judgeHttp({ status, contentType, location, body: text }, { ...HTTP, ...wanted });
  return `${outcome}: ${detail}`;
}

describe('an HTTP answer', () => {
  test('is judged by its status', () => {
    expect(http('')).toBe('ok: HTTP 200');
    expect(http('', {}, { status: 503 })).toBe('failed: HTTP 503: expected 200');
    expect(http('', { status: [200, 204] }, { status: 204 })).toMatch(/^ok/);
  });

  test('that is a redirect says where to, without what a URL may hide', () => {
    const location = 'https://joe:hunter2@crm/login?token=abc#top';
    expect(http('', {}, { status: 302, location })).toBe('failed: HTTP 302 to https://crm/login (not followed): expected 200');
  });

  test.each([
    ['by its type', 'x', 'text/html; charset=utf-8'],
    ['by its type, in capitals', 'x', 'Text/HTML'],
    ['by its body', ' \n<!doctype html>', 'text/plain'],
    ['by its body behind a byte order mark', '\uFEFF<html>', ''],
  ])('that is a page %s is no health answer, unless that is wanted', (_how, body, contentType) => {
    expect(http(body, {}, { contentType })).toBe('failed: HTTP 200 with an HTML page: expected a health answer');
    expect(http(body, { html: true }, { contentType })).toMatch(/^ok/);
  });

  test.each([
    [{ status: 'ok', more: 1 }, { status: 'ok' }, 'ok: HTTP 200, as expected'],
    [{ status: 'error' }, { status: 'ok' }, 'failed: HTTP 200, but status is "error": expected "ok"'],
    [{}, { 'db.connected': true }, 'failed: HTTP 200, but db.connected is missing: expected true'],
    [{ db: { connected: true } }, { 'db.connected': true }, 'ok: HTTP 200, as expected'],
    [{ 'db.connected': true }, { 'db.connected': true }, 'ok: HTTP 200, as expected'],
    [{ list: [{ up: null }] }, { 'list.0.up': null }, 'ok: HTTP 200, as expected'],
    [{ a: { toString: 1 } }, { 'a.constructor': 'x' }, 'failed: HTTP 200, but a.constructor is missing: expected "x"'],
    [[], { status: 'ok' }, 'failed: HTTP 200, but status is missing: expected "ok"'],
    ['not json', { status: 'ok' }, 'failed: HTTP 200 with a body that is no JSON: expected JSON'],
  ])('%j must have %j', (body, json, expected) => {
    expect(http(body, { json })).toBe(expected);
  });

  test.each([
    true,
    1,
    'ok',
    'UP',
    ' healthy ',
    'connected',
    'green',
    'running',
    'alive',
    'true',
    '1',
    { status: 'up' },
    { ok: true },
  ])('%j says yes', (value) => {
    expect(http({ database: value }, { affirms: ['postgres', 'database'] })).toMatch(/^ok/);
  });

  test.each([false, 0, 2, 'no', 'disconnected', 'unhealthy', 'not ok', null, [], ['ok'], {}, { status: 'down', ok: true }])(
    '%j does not say yes',
    (value) => {
      expect(http({ database: value }, { affirms: ['postgres', 'database'] })).toMatch(
        /^failed: HTTP 200, but database is .* expected one that says yes/,
      );
    },
  );

  test('a list must be long enough', () => {
    const at_least = { models: 1 };
    expect(http({ models: [{}] }, { at_least })).toMatch(/^ok/);
    expect(http({ models: [] }, { at_least })).toBe('failed: HTTP 200, but models has 0 items: expected at least 1');
    expect(http({ models: 'many' }, { at_least })).toBe(
      'failed: HTTP 200, but models is "many": expected an array of at least 1',
    );
  });
});

describe('our own lateness', () => {
  const conditions = { lateMs: 0, timedOut: false, withinMs: 10, timeoutMs: 5000 };
  const slow: CheckResult = { outcome: 'slow', responseMs: 40, detail: 'PONG', at: 1 };
  const failed: CheckResult = { outcome: 'failed', responseMs: null, detail: 'no answer', at: 1 };

  test.each([
    ['slow without lateness is slow', slow, {}, 'slow'],
    ['slow that lateness explains is unsure', slow, { lateMs: 35 }, 'unsure'],
    ['slow that lateness explains in part only is slow', slow, { lateMs: 25 }, 'slow'],
    ['a timeout of which we slept half is unsure', failed, { lateMs: 2600, timedOut: true }, 'unsure'],
    ['a timeout with a hiccup is a failure', failed, { lateMs: 400, timedOut: true }, 'failed'],
    ['a refusal is a failure however late we were', failed, { lateMs: 60_000 }, 'failed'],
    ['a good answer is good', { ...slow, outcome: 'ok' } as const, { lateMs: 1000 }, 'ok'],
  ])('%s', (_why, result, more, expected) => {
    expect(discountHindrance(result, { ...conditions, ...more }).outcome).toBe(expected);
  });
});

test.each([
  [{ enabled: 9, at: 0 }, undefined, 'ok', '9 enabled cron jobs'],
  [{ enabled: 8, at: 0 }, undefined, 'partial', '8 enabled cron jobs: expected 9'],
  [{ enabled: 0, at: 0 }, undefined, 'failed', '0 enabled cron jobs: expected 9'],
  [{ enabled: null, at: 0 }, undefined, 'failed', 'its cron scheduler is switched off: expected 9 jobs'],
  [{ enabled: 9, at: 0 }, 'a job runs', 'ok', '9 enabled cron jobs 30 s ago (a job runs)'],
  [undefined, 'a job runs', 'ok', 'its cron jobs are not counted yet: a job runs'],
])('cron jobs %j, %s: %s', (count, why, outcome, detail) => {
  expect(judgeJobs(9, count, why, 30_000)).toEqual({ outcome, detail });
});

test.each<[HealthCheck, string]>([
  [
    { ...HTTP, http: 'http://joe:hunter2@crm/health?key=abc', json: { status: 'ok' }, affirms: ['db', 'postgres'] },
    'GET http://crm/health answers 200 with status "ok", a yes in db or postgres within 2000 ms',
  ],
  [{ kind: 'redis', redis: { host: 'h', port: 1 }, within: 10 }, 'redis h:1 answers PING within 10 ms'],
  [{ kind: 'postgres', postgres: { host: 'h', port: 1 }, within: 10 }, 'PostgreSQL h:1 accepts connections within 10 ms'],
  [{ kind: 'postgres', postgres: { host: 'h', port: 1, user: 'u' }, within: 10 }, 'PostgreSQL h:1 answers SELECT 1 within 10 ms'],
  [{ kind: 'docker', docker: { container: 'crm' }, within: 10 }, 'container crm is running, and healthy where it says so'],
  [
    { kind: 'openclaw', openclaw: { url: 'ws://h:1/?token=x', jobs: 9 }, within: 10 },
    'OpenClaw at ws://h:1/ answers health within 10 ms, with 9 enabled cron jobs',
  ],
])('an expectation in words, without secrets', (health, words) => {
  expect(expectationOf(health)).toBe(words);
});
