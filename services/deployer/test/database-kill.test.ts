import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, freePort, type OwnProcess } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { DatabaseScene, failedName, migration } from './database-scene.js';
import { docker, rows } from './engine.js';
import { HeldJournal } from './held-journal.js';
import { ownDeployer } from './own-process.js';
import { withoutPostgres } from './postgres-image.js';

// An index of it cannot be built while somebody is connected under this name: so a restore stops where we want it to.
const HOLD = `
  create function held(int) returns int immutable language plpgsql as $$ begin
    while exists (select from pg_catalog.pg_stat_activity where application_name = 'holder') loop
      perform pg_catalog.pg_sleep(0.02);
      perform pg_catalog.pg_stat_clear_snapshot();
    end loop;
    return $1;
  end $$;
  create index held on people (held(id))`;

// kill -9 while the database is being put back, at each state that it can be left in.
describe.skipIf(withoutPostgres !== undefined)('kill -9 of the deployer while it puts a database back', () => {
  const here = new DatabaseScene();
  let journal: HeldJournal;
  let redis: Redis;
  let running: OwnProcess;
  let port: number;
  const start = () => {
    const { scene } = here;
    return ownDeployer({
      redisUrl: scene.host.redisUrl,
      databaseUrl: journal.url,
      config: join(scene.home, 'ops.yaml'),
      home: scene.home,
      port,
    });
  };

  beforeAll(async () => {
    await here.prepare();
    await here.open(undefined, { settings: { bus: { lease: '1s' } } });
    await here.ask(HOLD);
    await writeFile(join(here.scene.home, 'ops.yaml'), here.scene.yaml);
    port = await freePort();
    redis = new Redis(here.scene.host.redisUrl);
    await here.scene.host.hosted.stop();
    journal = await HeldJournal.open(here.scene.host.databaseUrl);
    running = start();
  });
  afterAll(async () => {
    await running?.stop();
    await journal?.close();
    redis?.disconnect();
    await here.scene?.close();
    await here.remove();
  });

  // What one test leaves is not counted by the next.
  afterEach(async () => {
    for (const name of await here.databases())
      if (name.startsWith('crm_failed_')) await here.ask(`drop database ${name}`, 'postgres');
  });

  async function ask(): Promise<string> {
    const { scene } = here;
    const script = `${migration('alter table people drop column mail')} && exit 7`;
    await scene.compose(here.services(here.version.two, script));
    return scene.ask({ kind: 'compose', project: 'project', schema_change: true }, redis);
  }

  async function killed(): Promise<void> {
    await running.kill();
    journal.hangUp();
  }

  /** It ends right, once, whatever it was cut off at. */
  async function endsRight(id: string, by = start()): Promise<void> {
    running = by;
    const ended = await Promise.race([here.scene.ending(id, 60_000), running.died]);
    expect(ended.type, `${ended.why}\n${running.log.slice(-5).join('')}`).toBe('deploy.rolled-back');
    // For what the migration did, not because it could not do it.
    expect(ended.why).toContain('ended with exit code 7');
    expect(here.scene.story(id).filter((one) => one.startsWith('deploy.rolled-back'))).toHaveLength(1);
    expect(await here.people()).toBe('1|a@b\n2|c@d');
    const failed = failedName(ended);
    expect(await here.databases()).toEqual(['crm', 'postgres', failed].sort());
    expect(await here.people(failed)).toBe('1\n2');
    expect(await here.ask(`select count(*) from pg_stat_activity where application_name like 'ops%'`, 'postgres')).toBe('0');
    const names = (await here.running()).map((one) => one.split(' ')[0]?.replace(`/${here.scene.project}-`, ''));
    expect(names).toEqual(['client-1', 'db-1', 'web-1', 'worker-1']);
  }

  /** The dump is being read in, and waits for the one who holds it; gives who reads it. */
  async function untilReading(id: string): Promise<string> {
    try {
      return await eventually(
        async () => {
          const found = await reading();
          expect(found).not.toBe('');
          return found;
        },
        { within: 30_000 },
      );
    } catch (cause) {
      throw new Error(`it does not come to read the dump in:\n${await here.lately(id)}`, { cause });
    }
  }

  const reading = () =>
    here.ask(`select pid from pg_stat_activity where datname like 'crm_ops_%' and query like 'CREATE INDEX%'`, 'postgres');
  async function hold(): Promise<() => Promise<void>> {
    await docker('exec', '-d', '-e', 'PGAPPNAME=holder', here.container, 'psql', '-U', 'postgres', '-c', 'select pg_sleep(600)');
    const holder = `pid from pg_stat_activity where application_name = 'holder'`;
    await eventually(async () => expect(await here.ask(`select ${holder}`, 'postgres')).not.toBe(''));
    return async () => void (await here.ask(`select pg_terminate_backend(pid) ${holder.replace('pid ', '')}`, 'postgres'));
  }

  test('while the dump is read in: what still reads is ended, and it is read in anew', async () => {
    const release = await hold();
    const id = await ask();
    await untilReading(id);
    await killed();
    // Nobody has told pg_restore: it still sits there, in the database that the next one makes anew.
    const left = await reading();
    expect(left).not.toBe('');
    const next = endsRight(id);
    await eventually(async () => expect(await reading()).not.toBe(left), { within: 30_000 });
    await release();
    await next;
  });

  test('the server itself restarts while the dump is read in: it is waited for, and the dump is read in anew', async () => {
    await hold();
    const id = await ask();
    await untilReading(id);
    await docker('restart', '--time', '1', here.container);
    await endsRight(id, running);
  });

  test('after the dump was read in, with nobody let in any more', async () => {
    const release = await hold();
    const id = await ask();
    await untilReading(id);
    await killed();
    await release();
    await eventually(async () => expect(await reading()).toBe(''));
    await here.ask('alter database crm allow_connections false', 'postgres');
    await endsRight(id);
  });

  test.for(rows(1, ['before', 'after'] as const))('after the names were exchanged, %s that is written down', async (when) => {
    const exchanged = async () => (await here.databases()).some((name) => name.startsWith('crm_failed_'));
    let cut: Promise<void> | undefined;
    journal.at = async (_boundary, phase) => {
      if (phase !== when || cut !== undefined || !(await exchanged())) return;
      cut = killed();
      await cut;
    };
    const id = await ask();
    await eventually(() => expect(cut).toBeDefined(), { within: 30_000 });
    await cut;
    journal.at = () => undefined;
    await endsRight(id);
  });
});
