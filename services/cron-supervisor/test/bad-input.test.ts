import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '@ops/shared/config';
import { eventually } from '@ops/shared/testing';
import { describe, expect, test } from 'vitest';
import { scene } from './scene.js';

const yaml = (cron: string) => `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } } }] }\ncron: ${cron}`;

describe('ops.yaml', () => {
  test.each([
    [
      '{ jobs: [{ id: a, schedule: "61 * * * *" }] }',
      /cron\.jobs\[0\]\.schedule: "?61 \* \* \* \*"?: expected a cron expression of 5 fields/,
    ],
    ['{ jobs: [{ id: a, schedule: "* * *" }] }', /it has 3 fields/],
    ['{ jobs: [{ id: a }, { id: a }] }', /cron\.jobs\[1\]\.id: "?a"?: expected an id that no other job has/],
    [
      '{ jobs: [{ id: a, schedule: "0 8 * * *", time_zone: Mars/Olympus }] }',
      /cron\.jobs\[0\]\.time_zone: "?Mars\/Olympus"?: expected a time zone/,
    ],
    ['{ jobs: [{ id: "A b" }] }', /cron\.jobs\[0\]\.id/],
    ['{ jobs: [{ id: a, output: { pattern: "[" } }] }', /output\.pattern: "?\["?: expected a regular expression/],
    ['{ jobs: [{ id: a, expected: soon }] }', /expected: "?soon"?: expected a duration/],
    ['{ sources: [{ openclaw: { url: "http://x" } }] }', /cron\.sources\[0\]/],
    ['{ sources: [{ openclaw: {} }, { openclaw: {} }] }', /a name that no other source has/],
    ['{ sources: [{ openclaw: { name: heartbeat } }] }', /another name than heartbeat/],
    ['{ review: { schedule: "at noon" } }', /cron\.review\.schedule/],
    ['{ nonsense: 1 }', /nonsense/],
  ])('%s is refused, with the path, the value and what was expected', (cron, words) => {
    expect(() => parseConfig(yaml(cron))).toThrow(words);
  });
});

test('a task file that cannot be used is told of, with its name; the others are supervised', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ops-workflows-'));
  const good = (id: string) => `id: ${id}\nschedule: "0 7 * * *"\ntimezone: Europe/Berlin\nsteps: [{ run: it }]\n`;
  await writeFile(join(folder, 'brief.yaml'), good('brief'));
  await writeFile(join(folder, 'zz-again.yaml'), good('brief'));
  await writeFile(join(folder, 'leads.yml'), 'id: leads\nschedule: { cron: "*/15 * * * *", timezone: UTC }\nsteps: [a, b]\n');
  await writeFile(join(folder, 'broken.yaml'), 'id: [unclosed\n');
  await writeFile(join(folder, 'expression.yaml'), 'id: noon\nschedule: "at noon"\nsteps: [a]\n');
  await writeFile(join(folder, 'zone.yaml'), 'id: far\nschedule: "0 8 * * *"\ntimezone: Mars/Olympus\nsteps: [a]\n');
  await writeFile(join(folder, 'steps.yaml'), 'id: idle\nsteps: []\n');
  const here = await scene(`{ sources: [{ workflows: { folder: "${folder}", every: 500ms } }] }`);
  try {
    await eventually(async () => {
      const { body } = await here.call('GET', '/cron/jobs');
      expect(
        (body.jobs as { job_id: string }[])
          .map(({ job_id }) => job_id)
          .filter((id) => id.startsWith('workflows/'))
          .toSorted(),
      ).toEqual(['workflows/brief', 'workflows/leads']);
    });
    expect((await here.call('POST', '/ping/leads')).body).toMatchObject({ job_id: 'workflows/leads', verdict: 'succeeded' });
    await eventually(() => expect(here.of('alert.reported').find(({ status }) => status === 'warning')).toBeDefined());
    const said = here.host.log.filter((line) => line.includes('something is wrong with a scheduled job')).join();
    for (const words of [
      'zz-again.yaml.id: brief',
      'broken.yaml',
      'expression.yaml.schedule',
      'zone.yaml.schedule.time_zone: Mars/Olympus',
      'steps.yaml.steps',
    ])
      expect(said).toContain(words);
    // Mended, it is supervised, and the alert ends with the last mistake.
    for (const [name, content] of [
      ['zz-again.yaml', good('again')],
      ['broken.yaml', good('mended')],
      ['expression.yaml', good('noon')],
      ['zone.yaml', good('far')],
      ['steps.yaml', good('idle')],
    ] as const)
      await writeFile(join(folder, name), content);
    await eventually(() =>
      expect(
        here
          .of('alert.reported')
          .filter(({ metric }) => metric === 'cron-registry')
          .at(-1),
      ).toMatchObject({ status: 'ok' }),
    );
  } finally {
    await here.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test('a bad heartbeat is refused, with what was expected, and disturbs nobody', async () => {
  const here = await scene('{ jobs: [{ id: backup }] }');
  try {
    for (const [path, status, words] of [
      ['/ping/nobody', 404, 'no heartbeat job nobody'],
      ['/ping/backup/300', 400, 'an exit code from 0 to 255'],
      ['/ping/backup/whatever', 400, 'expected start, fail, success, log'],
      ['/ping/backup?run=a%20b', 400, '?run=a b: expected'],
      ['/ping/backup?took=-1', 400, '?took=-1: expected ms'],
    ] as const) {
      const answer = await here.call('POST', path);
      expect([answer.status, String(answer.body.message)]).toEqual([status, expect.stringContaining(words)]);
    }
    expect((await here.call('POST', '/ping/backup', 'x'.repeat(120_000))).status).toBe(413);
    const refused = await fetch(new URL('/ping/backup', here.host.hosted.address), { method: 'POST' });
    expect(refused.status).toBe(401);
    expect((await here.call('POST', '/ping/backup', 'a\u0000b')).body).toMatchObject({ verdict: 'succeeded' });
    for (const [body, words] of [
      [{ id: 'backup' }, 'an id that no other heartbeat job has'],
      [{ id: 'new', schedule: '61 * * * *' }, 'body.schedule'],
      [{ id: 'new', schedule: 'every 999999999d' }, 'at most 100 years'],
      [{ id: 'new', command: ['sh'] }, 'commands are named in ops.yaml only'],
      [{ id: 'new', tiem_zone: 'UTC' }, 'tiem_zone'],
    ] as const)
      expect(JSON.stringify((await here.call('POST', '/cron/jobs', body)).body)).toContain(words);
    expect((await here.call('POST', '/cron/jobs', { id: 'added', schedule: 'every 1h' })).body).toMatchObject({
      ping: '/ping/added',
    });
    expect((await here.call('POST', '/ping/added')).body).toMatchObject({ verdict: 'succeeded' });
    expect((await here.call('DELETE', '/cron/jobs/added')).body).toMatchObject({ removed: true });
    expect((await here.call('POST', '/ping/added')).status).toBe(404);
  } finally {
    await here.close();
  }
});
