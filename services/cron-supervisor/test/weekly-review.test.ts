import { catalog } from '@ops/shared/events';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { reviewWindow } from '../src/on/weekly-review.js';
import { CRON, DAY, failing, MINUTE, NOW, ReviewScene, slower } from './review-scene.js';

let scene: ReviewScene;
beforeEach(async () => {
  scene = await ReviewScene.open();
});
afterEach(() => scene.close());

describe('a review', () => {
  test('looks back on four weeks, and on twelve for runtimes, to the full minute', () => {
    const to = NOW - 17_000;
    expect(reviewWindow(CRON, NOW)).toEqual({ trend_from: to - 84 * DAY, from: to - 28 * DAY, to });
    expect(reviewWindow({ ...CRON, history: 40 * DAY }, NOW).trend_from).toBe(to - 40 * DAY);
  });

  test('is stored with its proposals, and with an event that the catalog takes', async () => {
    await scene.addJob('digest', slower);
    await scene.addJob('mail', failing);
    await scene.addJob('quiet');
    await scene.addJob('off', slower, { enabled: false });
    const { review_id, made } = await scene.review();
    expect(made).toBe(true);
    const [draft] = await scene.drafts();
    expect(draft).toMatchObject({ type: 'cron.review-published', subject: 'cron', purpose: review_id });
    const data = catalog['cron.review-published'].schema.parse(draft?.data);
    expect(data).toMatchObject({ review_id, jobs: 3, runs: 84 });
    expect(data.findings.map(({ job_id, kind }) => [job_id, kind])).toEqual([
      ['openclaw/mail', 'silent-successes'],
      ['openclaw/mail', 'intermittent-failures'],
      ['openclaw/digest', 'runtime-step'],
    ]);
    expect(data.report).toContain('## Nothing found\n\nquiet.');
    expect(await scene.proposals()).toMatchObject([{ job_id: 'openclaw/digest', kind: 'expected', state: 'open', review_id }]);
    expect(scene.logged).toMatchObject([{ review_id, made: true, jobs: 3, findings: 3, proposals: 1 }]);
  });

  test('missed slots of the window are read', async () => {
    await scene.addJob('digest');
    for (const ago of [1, 3, 40])
      await sql`insert into cron_missed values ('openclaw/digest', ${new Date(NOW - ago * DAY)}, now(), now(), 'nothing began', false)`.execute(
        scene.database,
      );
    await scene.review();
    const [draft] = await scene.drafts();
    expect(draft?.data).toMatchObject({ findings: [{ kind: 'missed-slots', facts: { missed: 2, slots: 30 } }] });
  });

  test('made again for the same window, it says nothing and changes nothing', async () => {
    await scene.addJob('digest', slower);
    const first = await scene.review();
    scene.now += 20_000;
    expect(await Promise.all([scene.review(), scene.review()])).toEqual([
      { review_id: first.review_id, made: false },
      { review_id: first.review_id, made: false },
    ]);
    expect([(await scene.drafts()).length, (await scene.proposals()).length]).toEqual([1, 1]);
  });

  test('a newer one takes the place of open proposals, and leaves those that were decided', async () => {
    await scene.addJob('digest', slower);
    await scene.addJob('mail', slower);
    await scene.review();
    await sql`update cron_proposal set state = 'applied', decided_by = 'ann' where job_id = 'openclaw/mail'`.execute(
      scene.database,
    );
    scene.now += 60 * MINUTE;
    const second = await scene.review();
    // The same week: the same proposal, of the newer review.
    expect(
      (await scene.proposals()).map(({ job_id, state, review_id }) => [job_id, state, review_id === second.review_id]),
    ).toEqual(
      expect.arrayContaining([
        ['openclaw/digest', 'open', true],
        ['openclaw/mail', 'applied', false],
      ]),
    );
    scene.now += 7 * DAY;
    await sql`update cron_job set enabled = false`.execute(scene.database);
    const third = await scene.review();
    expect(await scene.proposals()).toContainEqual(expect.objectContaining({ state: 'superseded', decided_by: third.review_id }));
  });

  test('says of what it found before since when it is known', async () => {
    await scene.addJob('digest', slower);
    await scene.review();
    scene.now += 7 * DAY;
    await scene.addJob('mail', (ago) => (ago === 0 ? { verdict: 'failed', code: 'empty-output' } : {}));
    await scene.review();
    const reports = (await scene.drafts()).map(({ data }) => (data as { report: string }).report);
    expect(reports[0]).toMatch(/\| digest .* \| new \|/);
    expect(reports[1]).toMatch(/\| mail .* \| new \|\n\| digest .* \| since 2026-11-30 \|/);
  });
});
