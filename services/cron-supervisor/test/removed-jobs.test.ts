import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '@ops/shared/storage';
import { eventually } from '@ops/shared/testing';
import { sql } from 'kysely';
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
  const database = openDatabase(here.host.databaseUrl, 'cron-supervisor');
  await sql`update cron_added set job = '{"id": "odd", "schedule": 7}' where id = 'odd'`.execute(database);
  await database.destroy();
  expect((await here.call('DELETE', '/cron/jobs/extra')).body).toMatchObject({ removed: true });
  expect(await jobs()).toEqual(['heartbeat/odd']);
  expect((await here.call('POST', '/ping/extra')).status).toBe(404);
});
