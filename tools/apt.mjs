import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findOnPath, lastLines, run } from './run.mjs';

const POLICY = '/usr/sbin/policy-rc.d';
const SAVED = `${POLICY}.before-ops-automation`;
const OURS =
  '#!/bin/sh\n# ops-automation installs a package and wants no service started by it; this file is gone in a moment.\nexit 101\n';

/** True where we may install packages: root, on a Debian-like system. */
export function mayInstall() {
  return (
    process.platform === 'linux' && process.getuid() === 0 && findOnPath('apt-get') !== undefined && existsSync('/var/lib/dpkg')
  );
}

/**
 * Installs packages of the distribution, without starting or enabling a service of theirs.
 * @returns {Promise<{ok: boolean, output: string}>}
 */
export async function install(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_SUSPEND: '1' };
  const apt = (...args) => run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', '-q', '-y', ...args], { env });
  const wanted = ['install', '--no-install-recommends', ...packages];
  const before = enabledUnits();
  holdServices();
  try {
    let result = await apt(...wanted);
    if (!result.ok) {
      // The package lists are empty on a fresh machine, or name versions that are gone.
      const update = await apt('update');
      result = update.ok ? await apt(...wanted) : update;
    }
    await disable(enabledUnits().filter((link) => !before.includes(link)));
    return { ok: result.ok, output: lastLines(result.output) };
  } finally {
    releaseServices();
  }
}

// What starts with the machine: links in folders such as multi-user.target.wants.
function enabledUnits() {
  const base = '/etc/systemd/system';
  const folders = existsSync(base) ? readdirSync(base).filter((name) => name.endsWith('.wants')) : [];
  return folders.flatMap((folder) => readdirSync(join(base, folder)).map((unit) => join(base, folder, unit)));
}

async function disable(links) {
  const systemctl = findOnPath('systemctl');
  if (systemctl !== undefined && links.length > 0)
    await run(systemctl, ['disable', '--now', ...new Set(links.map((link) => basename(link)))]);
  for (const link of links) rmSync(link, { force: true });
}

// Debian asks this program before it starts a service; 101 says no.
function holdServices() {
  process.once('exit', releaseServices);
  if (isOurs()) return; // A run that was killed left it: what was there before is still saved.
  if (existsSync(POLICY)) renameSync(POLICY, SAVED);
  writeFileSync(POLICY, OURS, { mode: 0o755 });
}

function releaseServices() {
  process.off('exit', releaseServices);
  if (isOurs()) rmSync(POLICY, { force: true });
  if (existsSync(SAVED)) renameSync(SAVED, POLICY);
}

function isOurs() {
  return existsSync(POLICY) && readFileSync(POLICY, 'utf8') === OURS;
}
