import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { expect } from 'vitest';
import { BEHAVIOUR, docker, TestImages } from './engine.js';
import { PostgresImage } from './postgres-image.js';
import { type Ended, Scene } from './scene.js';

/** What `psql` is told by a migration, over the network of the project. It says when it has found the server. */
export const statements = (...sql: readonly string[]) =>
  [
    'psql -X -q -v ON_ERROR_STOP=1 -h db -U postgres -d postgres',
    ...['\\echo connected', ...sql].map((one) => `-c "${one}"`),
  ].join(' ');
/** The same in the database of the application. */
export const migration = (...sql: readonly string[]) => statements(...sql).replace('-d postgres', '-d crm');

export const PASSWORD = 'pg-Secret-9431';

/** A project with an application, its PostgreSQL in a container, and a migration that runs before the application starts. */
export class DatabaseScene {
  readonly images = new TestImages();
  readonly postgres = new PostgresImage();
  readonly version: Record<'one' | 'two' | 'bad', string> = { one: '', two: '', bad: '' };
  scene!: Scene;
  /** The service in whose container the test asks its questions: where nobody else should be seen to enter, another than `db`. */
  through: 'db' | 'client' = 'db';

  async prepare(): Promise<void> {
    await this.postgres.make();
    this.version.one = await this.images.make('one', BEHAVIOUR.polite);
    this.version.two = await this.images.make('two', BEHAVIOUR.polite);
    this.version.bad = await this.images.make('bad', BEHAVIOUR.crashAtStart);
  }

  async remove(): Promise<void> {
    await this.images.remove();
    await this.postgres.remove();
  }

  services(image: string, script: string, more: object = {}) {
    return {
      db: { image: this.postgres.name, restart: 'always', environment: { POSTGRES_PASSWORD: PASSWORD }, ...more },
      migrate: { image: this.postgres.name, command: ['sh', '-c', script], depends_on: ['db'] },
      client: { image: this.postgres.name, command: ['sh', '-c', BEHAVIOUR.deaf], stop_grace_period: '2s', depends_on: ['db'] },
      // Changed by nothing: it is only proven.
      worker: { image: this.version.one, restart: 'always', stop_grace_period: '2s', depends_on: ['db'] },
      web: {
        image,
        restart: 'always',
        stop_grace_period: '2s',
        depends_on: { migrate: { condition: 'service_completed_successfully' } },
      },
    };
  }

  /** The project runs, with a database of two rows that somebody has settings for. */
  async open(
    database: object | null = { service: 'db', name: 'crm' },
    { settings = {}, within = '30s' }: { settings?: object; within?: string } = {},
  ): Promise<void> {
    this.scene = await Scene.open({
      services: this.services(this.version.one, 'test x'),
      more: database === null ? {} : { web: { deploy: { database } } },
      settings,
      // The containers of PostgreSQL and the migration start within it too.
      deploy: { verify: { within, healthy_for: '300ms' } },
    });
    const first = await this.scene.deploy({ kind: 'compose', project: 'project' });
    expect(first.type, first.why).toBe('deploy.succeeded');
    await eventually(() => this.ask('create role crm login', 'postgres'));
    for (const sql of [
      'create database crm owner crm',
      `comment on database crm is 'ours, it''s'`,
      'alter database crm set search_path = app, "$user", public',
      `alter role crm in database crm set work_mem = '8MB'`,
      'revoke connect on database crm from public; grant connect, create on database crm to crm',
    ])
      await this.ask(sql, 'postgres');
    await this.ask(
      `create table people (id int primary key, mail text not null); insert into people values (1, 'a@b'), (2, 'c@d')`,
    );
  }

  /** How far a deployment is, what its migration said, and who is connected: for what did not come in time. */
  async lately(id: string): Promise<string> {
    const { project } = this.scene;
    const said = await execa('docker', ['logs', '--timestamps', `${project}-migrate-1`], { all: true, reject: false });
    const connected = await this.ask(
      `select application_name, state, wait_event, now() - query_start, left(query, 80) from pg_stat_activity where pid <> pg_backend_pid()`,
      'postgres',
    );
    const containers = await docker('ps', '--all', '--filter', `name=${project}`, '--format', '{{.Names}} {{.Status}}');
    return [new Date().toISOString(), ...this.scene.story(id), containers, said.all, connected].join('\n');
  }

  get container(): string {
    return `${this.scene.project}-db-1`;
  }

  /** Asks the server. */
  ask(sql: string, database = 'crm'): Promise<string> {
    const quiet = ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres', '-d', database];
    const host = this.through === 'db' ? [] : ['-h', 'db'];
    return docker('exec', `${this.scene.project}-${this.through}-1`, 'psql', ...host, ...quiet, '-c', sql);
  }

  people(database = 'crm'): Promise<string> {
    return this.ask('select * from people order by id', database);
  }

  async databases(): Promise<string[]> {
    return (await this.ask('select datname from pg_database where not datistemplate', 'postgres')).split('\n').sort();
  }

  /** What belongs to the database and is in no dump of it. */
  settings(): Promise<string> {
    const set = 'select array_agg(setconfig::text order by setconfig::text) from pg_db_role_setting where setdatabase = d.oid';
    const own = 'pg_get_userbyid(datdba), datacl, datallowconn, datconnlimit, datcollate, encoding';
    return this.ask(
      `select ${own}, shobj_description(oid, 'pg_database'), (${set}) from pg_database d where datname = 'crm'`,
      'postgres',
    );
  }

  async deploy(image: string, script: string, more: object = {}): Promise<Ended> {
    await this.scene.compose(this.services(image, script, more));
    return this.scene.deploy({ kind: 'compose', project: 'project', schema_change: true }, 60_000);
  }

  async recordOf({ data }: Ended): Promise<DatabaseRecord> {
    const { body } = await this.scene.call('GET', `/deployments/${String(data.deployment_id)}`);
    return body.record as DatabaseRecord;
  }

  /** Which containers run, and of which image. */
  async running(): Promise<string[]> {
    const containers = Object.values(await this.scene.containers());
    return containers
      .filter(({ State }) => State.Running)
      .map(({ Id, Name, Image }) => `${Name} ${Id} ${Image}`)
      .sort();
  }
}

interface DatabaseRecord {
  readonly dumps: readonly { readonly file: string; readonly bytes: number; readonly sha256: string }[];
  readonly databases: readonly { readonly service: string; readonly name: string; readonly kept: string }[];
  readonly rollback: readonly string[];
  readonly timeline: readonly { readonly step: string; readonly detail: string }[];
}

/** The name of what a deployment has put aside. */
export function failedName({ data }: Ended): string {
  return `crm_failed_${String(data.deployment_id).slice(0, 8)}`;
}
