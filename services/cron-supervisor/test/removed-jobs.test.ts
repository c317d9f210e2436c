import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@ops/shared/storage';
import { eventually } from '@ops/shared/testing';
import { type RawBuilder, sql } from 'kysely';
import { afterEach, expect, test } from 'vitest';
import { type Scene, scene } from './scene.js';

let here: Scene;
afterEach(() => here.close());

const jobs = async (): Promise<string[]> => {
  const { body } = await here.call('GET', '/cron/jobs');
  return (body.jobs as { job_id: string; source: string }[])
    .filter(({ source }) => source !== 'ops')
    .map(({ job_id }) => job_id)
    .toSorted();
};

/** What a statement gives, run where the supervisor stores what it knows. */
async function change(statement: RawBuilder<unknown>): Promise<unknown[]> {
  const database = openDatabase(here.host.databaseUrl, 'cron-supervisor');
  return (await statement.execute(database).finally(() => database.destroy())).rows;
}

test('a task file that is gone is no job any more, while another one that cannot be read stays as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ops-workflows-'));
  // Whole at once: nobody reads the half of it.
  const write = async (name: string, content = `id: ${name}\nsteps: [a]\n`) => {
    await writeFile(join(folder, 'new'), content);
    await rename(join(folder, 'new'), join(folder, `${name}.yaml`));
  };
  try {
    for (const id of ['broken', 'gone', 'late', 'stays']) await write(id);
    here = await scene(`{ sources: [{ workflows: { folder: "${folder}", every: 500ms } }] }`);
    await eventually(async () => expect(await jobs()).toHaveLength(4));
    await write('broken', 'id: broken\nsteps: []\n');
    await rm(join(folder, 'gone.yaml'));
    await eventually(async () => expect(await jobs()).toEqual(['workflows/broken', 'workflows/late', 'workflows/stays']));
    // Whose file this is, nobody can say: it may be anybody's.
    await write('broken', 'id: [unclosed\n');
    await write('fresh');
    await rm(join(folder, 'late.yaml'));
    await eventually(async () => expect(await jobs()).toContain('workflows/fresh'));
    expect(await jobs()).toContain('workflows/late');
    await rm(join(folder, 'broken.yaml'));
    await eventually(async () => expect(await jobs()).toEqual(['workflows/fresh', 'workflows/stays']));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('an added job is removed, while another one that was added cannot be read any more', async () => {
  here = await scene('{}');
  for (const id of ['odd', 'extra']) await here.call('POST', '/cron/jobs', { id, schedule: 'every 1h' });
  await change(sql`update cron_added set job = '{"id": "odd", "schedule": 7}' where id = 'odd'`);
  expect((await here.call('DELETE', '/cron/jobs/extra')).body).toMatchObject({ removed: true });
  expect(await jobs()).toEqual(['heartbeat/odd']);
  expect((await here.call('POST', '/ping/extra')).status).toBe(404);
});

test('a job that is added again begins with nothing that was set for the one before', async () => {
  here = await scene('{ retry_after: 1h }');
  const add = () => here.call('POST', '/cron/jobs', { id: 'extra', schedule: 'every 1h' });
  await add();
  expect((await here.call('POST', '/ping/extra/1')).body).toMatchObject({ verdict: 'failed' });
  await here.call('POST', '/ping/extra/start');
  await change(sql`insert into cron_override values ('heartbeat/extra', '{"expected": 1000}', 'ann', now())`);
  await change(
    sql`insert into cron_retry values ('r', 'heartbeat/extra', now(), now() + interval '1 hour', 'waiting', 'it failed')`,
  );
  await change(sql`insert into cron_review values ('w', now(), now(), now(), '{}', '')`);
  await change(sql`insert into cron_proposal values ('p', 'w', 'heartbeat/extra', 'expected', '{}', 'open')`);
  await here.call('DELETE', '/cron/jobs/extra');
  expect(await change(sql`select state, ended_at is null as open from cron_retry`)).toEqual([
    { state: 'superseded', open: false },
  ]);
  expect(await change(sql`select state, decided_by from cron_proposal`)).toEqual([{ state: 'superseded', decided_by: null }]);
  expect((await here.call('POST', '/cron/proposals/p/apply', { by: 'ann' })).body.message).toContain('its job was removed');
  await add();
  const { body } = await here.call('GET', '/cron/jobs/extra');
  expect(body).toMatchObject({
    expected_ms: null,
    runs: [{ verdict: 'failed', code: 'interrupted' }, { code: 'exit-code' }],
  });
  expect(here.of('cron.run-failed').map(({ code }) => code)).toEqual(['exit-code']);
});
