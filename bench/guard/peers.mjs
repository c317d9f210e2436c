import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { codename, unpackPackages } from '../../tools/debian-packages.mjs';
import { run } from '../../tools/run.mjs';

const CACHE = fileURLToPath(new URL('../../node_modules/.cache/guard-peers', import.meta.url));
const PROGRAMS = {
  prometheus: ['prometheus', '--version'],
  alertmanager: ['prometheus-alertmanager', '--version'],
  node_exporter: ['prometheus-node-exporter', '--version'],
  monit: ['monit', '-V'],
  earlyoom: ['earlyoom', '-v'],
};
const PACKAGES = ['prometheus', 'prometheus-alertmanager', 'prometheus-node-exporter', 'monit', 'earlyoom'];
// What monit is linked with and a small system lacks.
const LIBRARIES = ['libpam0g', 'libaudit1', 'libcap-ng0'];

/**
 * The programs that we are measured beside, unpacked from Debian's packages of this system; fetched once.
 * @returns programs by name with `path` and `version`, the environment that they need, and why some are missing
 */
export async function openPeers() {
  const suite = codename();
  const problems = [];
  for (const name of PACKAGES) {
    if (existsSync(join(CACHE, name, 'unpacked'))) continue;
    const why = suite === '' ? 'this system is not Debian' : await fetchInto(name, suite);
    if (why !== undefined) problems.push(`${name}: ${why.replaceAll(/\s+/g, ' ')}`);
  }
  const env = { ...process.env, LC_ALL: 'C', LD_LIBRARY_PATH: libraryFolders(join(CACHE, 'monit', 'unpacked')).join(':') };
  const programs = {};
  for (const [name, [program, ask]] of Object.entries(PROGRAMS)) {
    const path = PACKAGES.map((of) => join(CACHE, of, 'unpacked/usr/bin', program)).find((one) => existsSync(one));
    if (path === undefined) continue;
    const { output } = await run(path, [ask], { env });
    programs[name] = { path, share: join(path, '../../share'), version: /v?(\d+\.\d[\w.]*)/.exec(output)?.[1] ?? 'unknown' };
  }
  return { ...programs, env, problems };
}

// Unpacked beside its place first: what is in the cache is whole.
async function fetchInto(name, suite) {
  const beside = join(CACHE, `${name}.part`);
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  const why = await unpackPackages(beside, suite, name === 'monit' ? [name, ...LIBRARIES] : [name]);
  if (why !== undefined) return why;
  rmSync(join(CACHE, name), { recursive: true, force: true });
  renameSync(beside, join(CACHE, name));
  return undefined;
}

function libraryFolders(unpacked) {
  return ['lib', 'usr/lib'].flatMap((folder) => {
    const path = join(unpacked, folder);
    if (!existsSync(path)) return [];
    return readdirSync(path)
      .filter((one) => one.endsWith('-linux-gnu'))
      .map((one) => join(path, one));
  });
}
