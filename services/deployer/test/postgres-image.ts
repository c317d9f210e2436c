import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { withoutEngine } from './engine.js';

const TOOL = fileURLToPath(new URL('../../../tools/postgres-files.mjs', import.meta.url));

type Files = { readonly root: string; readonly bin: string } | { readonly why: string };

function filesOfPostgres(): Files {
  if (withoutEngine) return { why: 'no engine' };
  try {
    return JSON.parse(execFileSync(process.execPath, [TOOL], { encoding: 'utf8', timeout: 180_000 })) as Files;
  } catch (error) {
    return { why: `tools/postgres-files.mjs: ${String(error)}` };
  }
}

const files = filesOfPostgres();
/** Why there is no PostgreSQL to put into a container; undefined where there is one. */
export const withoutPostgres = 'why' in files ? files.why : undefined;

// As the image that everybody uses: the local socket trusts, and the shell is there. The data is where nobody mounts anything.
const RUN = `#!/bin/sh
if [ ! -f /data/PG_VERSION ]; then initdb --pgdata=/data --username=postgres --auth=trust --no-sync --locale=C --encoding=UTF8 > /dev/null || exit 1; echo 'host all all all trust' >> /data/pg_hba.conf; fi
exec postgres -D /data -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql -c fsync=off -c shared_buffers=16MB -c max_connections=30 -c log_lock_waits=on
`;

const APPLETS = ['sh', 'cat', 'sleep', 'head', 'httpd', 'mkdir', 'echo', 'test', 'dd', 'wget'];

/** An image with the distribution's PostgreSQL and its programs: a server, or with another command a client. */
export class PostgresImage {
  readonly name = `ops-test-${randomBytes(4).toString('hex')}:postgres`;

  async make(): Promise<void> {
    if ('why' in files) throw new Error(files.why);
    const folder = await mkdtemp(join(tmpdir(), 'ops-postgres-'));
    await cp(files.root, folder, { recursive: true, verbatimSymlinks: true });
    for (const name of ['bin', 'etc', 'tmp', 'data', 'var/run/postgresql']) await mkdir(join(folder, name), { recursive: true });
    await cp('/bin/busybox', join(folder, 'bin', 'busybox'));
    for (const applet of APPLETS) await symlink('busybox', join(folder, 'bin', applet));
    await writeFile(join(folder, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\npostgres:x:70:70::/data:/bin/sh\n');
    await writeFile(join(folder, 'etc/group'), 'root:x:0:\npostgres:x:70:\n');
    await writeFile(join(folder, 'run'), RUN, { mode: 0o755 });
    // What the server writes belongs to it; the files themselves need no owner.
    await execa('chown', ['70:70', join(folder, 'data'), join(folder, 'var/run/postgresql'), join(folder, 'tmp')]);
    await execa('chmod', ['0755', folder]);
    const tar = execa('tar', ['--create', '--directory', folder, '.'], { stdout: 'pipe', buffer: false });
    const told = ['CMD ["/run"]', 'USER postgres', `ENV PATH=${files.bin}:/bin`].flatMap((change) => ['--change', change]);
    await execa('docker', ['import', ...told, '-', this.name], { input: tar.stdout });
    await tar;
    await rm(folder, { recursive: true });
  }

  async remove(): Promise<void> {
    await execa('docker', ['image', 'rm', '--force', this.name], { reject: false });
  }
}
