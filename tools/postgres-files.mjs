// The files of the distribution's PostgreSQL (server, pg_dump, pg_restore, psql) with every library they need, for tests that make an image
// of them. Nothing is installed. `node tools/postgres-files.mjs` prints as JSON: { root, bin, share }, the latter two inside of root; or { why }.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { mayInstall } from './apt.mjs';
import { codename, unpackPackages } from './debian-packages.mjs';
import { root, run } from './run.mjs';

const PLACE = join(root, 'node_modules', '.cache', 'ops', 'postgres-files');
const VERSION = { bookworm: '15' };
// What the programs are linked with; their dependencies by name would bring half a system.
const LIBRARIES = [
  'libaudit1',
  'libc6',
  'libcap-ng0',
  'libcap2',
  'libcom-err2',
  'libffi8',
  'libgcc-s1',
  'libgcrypt20',
  'libgmp10',
  'libgnutls30',
  'libgpg-error0',
  'libgssapi-krb5-2',
  'libhogweed6',
  'libicu72',
  'libidn2-0',
  'libk5crypto3',
  'libkeyutils1',
  'libkrb5-3',
  'libkrb5support0',
  'libldap-2.5-0',
  'liblz4-1',
  'liblzma5',
  'libnettle8',
  'libp11-kit0',
  'libpam0g',
  'libpq5',
  'libreadline8',
  'libsasl2-2',
  'libssl3',
  'libstdc++6',
  'libsystemd0',
  'libtasn1-6',
  'libtinfo6',
  'libunistring2',
  'libxml2',
  'libzstd1',
  'zlib1g',
];

/** @returns {Promise<{root: string, bin: string, share: string} | {why: string}>} */
async function ensurePostgresFiles() {
  const version = VERSION[codename()];
  const found = { root: PLACE, bin: `/usr/lib/postgresql/${version}/bin`, share: `/usr/share/postgresql/${version}` };
  if (version !== undefined && existsSync(join(PLACE, found.bin, 'pg_dump'))) return found;
  if (version === undefined || !mayInstall()) return { why: 'no files of PostgreSQL are known for this system' };
  const folder = `${PLACE}-${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    const why = await unpackPackages(folder, codename(), [`postgresql-${version}`, `postgresql-client-${version}`, ...LIBRARIES]);
    if (why !== undefined) return { why: `the files of PostgreSQL could not be fetched: ${why}` };
    const unpacked = join(folder, 'unpacked');
    mergeUsr(unpacked);
    thinOut(unpacked, version);
    const runs = await run('chroot', [unpacked, `${found.bin}/pg_dump`, '--version'], {});
    if (!runs.ok) return { why: `the fetched PostgreSQL does not run here: ${runs.output}` };
    rmSync(PLACE, { recursive: true, force: true });
    renameSync(unpacked, PLACE);
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// Packages still name /lib and /lib64; there, these are links into /usr.
function mergeUsr(unpacked) {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    const place = join(unpacked, name);
    if (!existsSync(place)) continue;
    cpSync(place, join(unpacked, 'usr', name), { recursive: true, verbatimSymlinks: true });
    rmSync(place, { recursive: true });
    symlinkSync(`usr/${name}`, place);
  }
}

// The just-in-time compiler, documents and translations: most of it by size, and nothing that a test needs.
function thinOut(unpacked, version) {
  for (const path of [
    'usr/share/doc',
    'usr/share/locale',
    'usr/share/man',
    'etc',
    'var',
    `usr/lib/postgresql/${version}/lib/bitcode`,
  ])
    rmSync(join(unpacked, path), { recursive: true, force: true });
  const modules = join(unpacked, 'usr', 'lib', 'postgresql', version, 'lib');
  for (const name of readdirSync(modules)) if (/llvmjit|^pgxs/.test(name)) rmSync(join(modules, name), { recursive: true });
}

console.log(JSON.stringify(await ensurePostgresFiles()));
