import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { OWN_TOKEN } from '@ops/shared/config';
import { HttpError } from '@ops/shared/runtime';
import express from 'express';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reviewRoutes } from '../src/routes/review-routes.js';
import { listOverrides } from '../src/state/overrides.js';
import { MINUTE, ReviewScene, slower } from './review-scene.js';

describe('reviews and proposals over HTTP', () => {
  let scene: ReviewScene;
  let server: Server;
  beforeEach(async () => {
    scene = await ReviewScene.open();
    const app = express().use(express.json());
    app.use((_request, response, next) => {
      response.locals.token = { name: OWN_TOKEN, scopes: new Set(['operate']) };
      next();
    });
    const router = express.Router();
    reviewRoutes(router, scene.self);
    app.use(router);
    const asJson: express.ErrorRequestHandler = (error, _request, response, _next) =>
      void response
        .status(error instanceof HttpError ? error.status : 500)
        .json({ error: error.code ?? 'INTERNAL', message: String(error.message) });
    app.use(asJson);
    server = createServer(app);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    await scene.close();
  });

  async function call(method: 'GET' | 'POST', path: string, body?: object) {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
      method,
      headers: { 'content-type': 'application/json', connection: 'close' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: it is looked at with matchers.
    return { status: response.status, body: (await response.json()) as any };
  }
  async function theOnly(kind: string): Promise<string> {
    const { body } = await call('GET', '/cron/proposals');
    return body.proposals.find((one: { kind: string }) => one.kind === kind)?.proposal_id;
  }

  test('a review is made, listed, and read by its id or as the latest', async () => {
    expect((await call('GET', '/cron/reviews/latest')).status).toBe(404);
    await scene.addJob('digest', slower);
    const { status, body } = await call('POST', '/cron/reviews');
    expect([status, body.made]).toEqual([201, true]);
    expect((await call('POST', '/cron/reviews')).status).toBe(200);
    expect((await call('GET', '/cron/reviews')).body.reviews).toMatchObject([
      { review_id: body.review_id, jobs: 1, runs: 28, findings: 1, proposals: 1 },
    ]);
    const latest = await call('GET', '/cron/reviews/latest');
    expect(latest.body).toMatchObject({ review_id: body.review_id, jobs: 1, findings: [{ kind: 'runtime-step' }] });
    expect(latest.body.report).toMatch(/^# Scheduled jobs/);
    expect((await call('GET', `/cron/reviews/${body.review_id}`)).body).toEqual(latest.body);
  });

  test('one that takes long goes on, and those who ask meanwhile get the same one', async () => {
    await scene.addJob('digest', slower);
    const { patience } = scene;
    scene.patience = async () => undefined;
    expect(await call('POST', '/cron/reviews')).toEqual({ status: 202, body: { review_id: null, made: false } });
    scene.patience = patience;
    const { review_id } = (await call('POST', '/cron/reviews')).body;
    expect((await call('GET', '/cron/reviews')).body.reviews).toMatchObject([{ review_id }]);
  });

  test('what is expected is set, once, by one of two who apply it at once', async () => {
    await scene.addJob('digest', slower);
    await scene.review();
    const id = await theOnly('expected');
    const answers = await Promise.all([1, 2].map(() => call('POST', `/cron/proposals/${id.slice(0, 6)}/apply`, { by: 'ann' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(answers.find(({ status }) => status === 200)?.body.proposal).toMatchObject({ state: 'applied', decided_by: 'ann' });
    expect(await listOverrides(scene.database)).toMatchObject([
      { job_id: 'openclaw/digest', policy: { expected: 13 * MINUTE }, by: 'ann' },
    ]);
    expect((await call('POST', `/cron/proposals/${id}/apply`)).body.message).toBe(`${id} is not open: ann has applied it`);
    expect((await call('GET', '/cron/proposals?state=applied')).body.proposals).toHaveLength(1);
  });

  test('what was set before of a job stays', async () => {
    await scene.addJob('digest', slower);
    await sql`insert into cron_override values ('openclaw/digest', '{"grace": 5000, "expected": 1000}', 'bob', now())`.execute(
      scene.database,
    );
    await scene.review();
    await call('POST', `/cron/proposals/${await theOnly('expected')}/apply`);
    expect(await listOverrides(scene.database)).toMatchObject([{ policy: { grace: 5000, expected: 13 * MINUTE } }]);
  });

  test('where ops.yaml says what is expected, a command would do nothing', async () => {
    await scene.addJob('in-file', slower);
    await scene.review();
    const { status, body } = await call('POST', `/cron/proposals/${await theOnly('expected')}/apply`);
    expect([status, body.error]).toEqual([409, 'GIVEN_IN_FILE']);
    expect(body.message).toContain(
      'cron.rules[0].expected of ops.yaml says what is expected of openclaw/in-file: write 13 min there',
    );
  });

  test('a limit is changed at the source; if that does not take it, the proposal stays open and says why', async () => {
    await scene.addJob('digest', () => ({ duration_ms: 9 * MINUTE }), { expected: 9 * MINUTE, timeout: 10 * MINUTE });
    await scene.review();
    const id = await theOnly('timeout');
    scene.refusal = new Error('the gateway is away');
    const refused = await call('POST', `/cron/proposals/${id}/apply`);
    expect(refused).toMatchObject({
      status: 502,
      body: { error: 'NOT_CHANGED', message: expect.stringContaining('the gateway is away') },
    });
    expect(await theOnly('timeout')).toBe(id);
    scene.refusal = undefined;
    expect((await call('POST', `/cron/proposals/${id}/apply`)).body.proposal).toMatchObject({
      state: 'applied',
      decided_by: OWN_TOKEN,
    });
    expect(scene.changes).toEqual([{ job_id: 'openclaw/digest', timeout_ms: 18 * MINUTE }]);
  });

  test('what somebody has changed since is not overwritten', async () => {
    await scene.addJob('digest', () => ({ duration_ms: 9 * MINUTE }), { expected: 9 * MINUTE, timeout: 10 * MINUTE });
    await scene.review();
    await sql`update cron_job set timeout_ms = ${30 * MINUTE}`.execute(scene.database);
    const { body } = await call('POST', `/cron/proposals/${await theOnly('timeout')}/apply`);
    expect(body).toMatchObject({ error: 'OUT_OF_DATE', message: expect.stringContaining('is 30 min by now, and was 10 min') });
    await sql`update cron_job set removed_at = now()`.execute(scene.database);
    expect((await call('POST', `/cron/proposals/${await theOnly('timeout')}/apply`)).body.message).toContain(
      'openclaw/digest is gone',
    );
    expect(scene.changes).toEqual([]);
  });

  test('what was dismissed is not proposed again for a while', async () => {
    await scene.addJob('digest', slower);
    await scene.review();
    const id = await theOnly('expected');
    expect((await call('POST', `/cron/proposals/${id}/dismiss`, {})).status).toBe(400);
    const dismissed = await call('POST', `/cron/proposals/${id}/dismiss`, { by: 'ann', reason: 'a move of data, over soon' });
    expect(dismissed.body.proposal).toMatchObject({ state: 'dismissed', decided_by: 'ann' });
    scene.now += MINUTE;
    expect((await scene.review()).made).toBe(true);
    expect(await theOnly('expected')).toBeUndefined();
    expect(JSON.stringify(await scene.proposals())).toContain('a move of data, over soon');
  });

  test('what is asked for wrongly is said', async () => {
    expect((await call('POST', '/cron/proposals/none/apply')).status).toBe(404);
    expect((await call('GET', '/cron/proposals?state=old')).body.message).toContain('expected one of open, applied');
    expect((await call('GET', '/cron/reviews/none')).body.message).toBe('no review none');
  });
});
