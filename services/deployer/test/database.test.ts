import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseScene, failedName, migration, PASSWORD, statements } from './database-scene.js';
import { docker, rows } from './engine.js';
import { withoutPostgres } from './postgres-image.js';

const DROPS_MAIL = 'alter table public.people drop column mail';
const BEFORE = '1|a@b\n2|c@d';

// A dump that was never read back is a hope: each of these asks a real server whether it holds.
describe.skipIf(withoutPostgres !== undefined)('a database before a schema change', () => {
  const here = new DatabaseScene();
  const { version } = here;
  beforeAll(() => here.prepare());
  afterEach(async () => {
    here.through = 'db';
    await here.scene?.close();
  });
  afterAll(() => here.remove());

  test.for(
    rows(1, [
      ['a migration that fails half-way', 'two', `${migration(DROPS_MAIL)} && exit 7`],
      ['a version that crashes after its migration', 'bad', migration(DROPS_MAIL)],
    ] as const),
  )('%s: schema and rows of before are back, without anybody; what it made of them is kept', async ([, image, script]) => {
    await here.open();
    // More than any pipe between here and there holds.
    await here.ask('create table bulk as select n, md5(n::text) as word from generate_series(1, 400000) n');
    const bulk = () => here.ask(`select count(*), md5(string_agg(word, '' order by n)) from bulk`);
    const all = await bulk();
    const settings = await here.settings();
    const running = await here.running();
    const ended = await here.deploy(version[image], script);
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await here.people()).toBe(BEFORE);
    expect(await bulk()).toBe(all);
    expect(await here.settings()).toBe(settings);
    expect(await here.running()).toEqual(running);
    const failed = failedName(ended);
    expect(await here.databases()).toEqual(['crm', failed, 'postgres']);
    expect(await here.people(failed)).toBe('1\n2');
    const record = await here.recordOf(ended);
    expect(record).toMatchObject({ databases: [{ service: 'db', name: 'crm', kept: failed }] });
    expect(record.timeline.find(({ step }) => step === 'roll-back')?.detail).toContain(failed);
    expect(record.rollback.join('\n')).toContain(failed);
    expect(here.scene.story(String(ended.data.deployment_id))).not.toContain('deploy.approval-required');
  });

  test.for(rows(0, ['a migration that removes the database itself']))('%s', async () => {
    await here.open();
    const settings = await here.settings();
    const ended = await here.deploy(version.two, `${statements('drop database crm')} && exit 7`);
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await here.people()).toBe(BEFORE);
    expect(await here.settings()).toBe(settings);
  });

  test('a good one succeeds; its dump is there, for its owner only, and can be restored; no secret is said, and no strange change', async () => {
    here.through = 'client';
    await here.open();
    // Until the deployment before is so long ago that who enters a container is a stranger again.
    const strangers = () =>
      here.scene.seen.events.flatMap(({ event }) => (event?.type === 'security.detected' ? [event.subject] : []));
    await eventually(
      async () => {
        await here.ask('select 1');
        expect(strangers()).not.toEqual([]);
      },
      { within: 30_000 },
    );
    const ended = await here.deploy(version.two, migration(DROPS_MAIL));
    expect(ended.type, ended.why).toBe('deploy.succeeded');
    expect(await here.people()).toBe('1\n2');
    expect(await here.databases()).toEqual(['crm', 'postgres']);
    // The test has entered another container, and that is told; that the deployer entered this one is its own matter.
    expect([...new Set(strangers())]).toEqual(['client']);
    const [dump] = (await here.recordOf(ended)).dumps;
    const file = dump?.file ?? '';
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(file))).mode & 0o777).toBe(0o700);
    const content = await readFile(file);
    expect(dump).toMatchObject({ bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') });
    await here.ask('create database again template template0', 'postgres');
    const restore = ['exec', '-i', here.container, 'pg_restore', '-U', 'postgres', '--exit-on-error', '-d', 'again'];
    await execa('docker', restore, { input: content });
    expect(await here.people('again')).toBe(BEFORE);
    const { body } = await here.scene.call('GET', `/deployments/${String(ended.data.deployment_id)}`);
    expect(body.plan).toMatchObject({ irreversible: [], dumps: [{ service: 'db', name: 'crm', user: 'postgres' }] });
    expect(JSON.stringify([body, here.scene.host.log, here.scene.seen.events])).not.toContain(PASSWORD);
  });

  test.for(
    rows(2, [
      [
        'the dump is damaged inside',
        'crm',
        '"$0.real" "$@" | { head -c 1000; echo damaged damaged damaged; cat; }',
        /pg_restore ended/,
      ],
      [
        'pg_dump says a secret',
        'crm',
        'echo "$POSTGRES_PASSWORD is wrong" >&2; exit 4',
        /pg_dump ended with exit code 4: .* is wrong/,
      ],
      ['pg_dump fails', 'nothing', undefined, /pg_dump|does not exist/],
      ['the dump comes cut off', 'crm', '"$0.real" "$@" | head -c 1500', /pg_restore ended with exit code 1/],
    ] as const),
  )('%s: the deployment fails, and nothing was touched', async ([, name, instead, why]) => {
    await here.open({ service: 'db', name });
    await here.ask(`insert into people select n, md5(n::text) from generate_series(3, 3000) n`);
    if (instead !== undefined) {
      const place = (await docker('exec', here.container, 'sh', '-c', 'which pg_dump')).trim();
      const script = `mv ${place} ${place}.real && cat > ${place} && chmod 755 ${place}`;
      await execa('docker', ['exec', '-i', '-u', 'root', here.container, 'sh', '-c', script], {
        input: `#!/bin/sh\n${instead}\n`,
      });
    }
    const running = await here.running();
    const ended = await here.deploy(version.two, migration(DROPS_MAIL));
    expect(ended, ended.why).toMatchObject({
      type: 'deploy.failed',
      data: { step: 'backup', touched: false, rollback: 'not-needed' },
    });
    expect(ended.data.reason).toMatch(why);
    expect(ended.data.reason).toContain('nothing was touched');
    expect(JSON.stringify([here.scene.host.log, here.scene.seen.events])).not.toContain(PASSWORD);
    expect(await here.running()).toEqual(running);
    expect(await here.ask('select count(mail) from people')).toBe('3000');
    expect(await here.databases()).toEqual(['crm', 'postgres']);
  });

  test.for(
    rows(1, [
      ['no database is known', null, {}, 'a database schema changes: an older version may not read it'],
      [
        'the database is deployed with it',
        { service: 'db', name: 'crm' },
        { labels: { other: 'yes' } },
        'db itself is deployed with it',
      ],
      ['its server does not run', { service: 'elsewhere', name: 'crm' }, {}, '0 containers of elsewhere run'],
    ] as const),
  )('%s: a person is asked, as always', async ([, database, more, reason]) => {
    await here.open(database);
    await here.scene.compose(here.services(version.two, migration(DROPS_MAIL), more));
    const id = await here.scene.request({ kind: 'compose', project: 'project', schema_change: true });
    const { reasons } = await here.scene.waitFor('deploy.approval-required', id);
    expect(reasons).toEqual([expect.stringContaining(reason)]);
    expect(await here.people()).toBe(BEFORE);
  });

  test('what is set for the statements of the application does not hinder the way back', async () => {
    await here.open();
    for (const setting of ['default_transaction_read_only = on', `statement_timeout = '1ms'`])
      await here.ask(`alter database crm set ${setting}`, 'postgres');
    const settings = await here.settings();
    const free = ['set statement_timeout = 0', 'set default_transaction_read_only = off'];
    const ended = await here.deploy(version.two, `${migration(...free, DROPS_MAIL)} && exit 7`);
    expect(ended.type, ended.why).toBe('deploy.rolled-back');
    expect(await here.settings()).toBe(settings);
    await here.ask('alter database crm reset all', 'postgres');
    expect(await here.people()).toBe(BEFORE);
  });

  test('what cannot be put back is said, with the way to do it by hand; the version before runs', async () => {
    // All of it is waited out.
    await here.open(undefined, { within: '15s' });
    const running = await here.running();
    const gone = [
      'alter database crm owner to postgres',
      'revoke all on database crm from crm',
      'alter role crm in database crm reset all',
      'drop role crm',
    ];
    const ended = await here.deploy(version.bad, statements(...gone));
    expect(ended, ended.why).toMatchObject({ type: 'deploy.failed', data: { touched: true, rollback: 'failed' } });
    expect(ended.data.reason).toMatch(/role "crm" does not exist/);
    expect(await here.running()).toEqual(running);
    expect(await here.people()).toBe(BEFORE);
    const { rollback, dumps } = await here.recordOf(ended);
    expect(rollback.join('\n')).toContain(`pg_restore --username=postgres --exit-on-error --dbname=crm_ops_`);
    expect((await stat(dumps[0]?.file ?? '')).size).toBeGreaterThan(0);
    // As it says, once the role is there again.
    await here.ask('create role crm login', 'postgres');
    for (const line of rollback.filter((one) => one.startsWith('docker compose'))) {
      const [command = '', input = ''] = line.split(' < ');
      const [program = '', ...args] = command.split(' ');
      await execa(program, args, { input: await readFile(input) });
    }
    const restored = (await here.databases()).find((name) => name.startsWith('crm_ops_'));
    expect(await here.people(restored)).toBe(BEFORE);
  });
});
