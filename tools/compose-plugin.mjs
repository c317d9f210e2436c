import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayInstall } from './apt.mjs';
import { codename, unpackPackages } from './debian-packages.mjs';
import { root, run } from './run.mjs';

/** A folder for DOCKER_CONFIG that holds the plugin. */
const CONFIG = join(root, 'node_modules', '.cache', 'ops', 'docker-cli');

// Debian 12's own package of that name is the old Compose in Python. The next release's is one program that needs nothing but libc.
const SUITE_WITH_COMPOSE = { bookworm: 'trixie', trixie: 'trixie', forky: 'forky', sid: 'sid' };

/**
 * Makes `docker compose` work. Nothing is installed over the system: where the plugin is missing it is placed in a folder of ours.
 * @returns {Promise<{ok: boolean, config?: string, why?: string}>} `config` is the DOCKER_CONFIG to use, when there is one to use
 */
export async function ensureCompose() {
  if (await works(undefined)) return { ok: true };
  const plugin = join(CONFIG, 'cli-plugins', 'docker-compose');
  if (existsSync(plugin) && (await works(CONFIG))) return { ok: true, config: CONFIG };
  if (!mayInstall()) return { ok: false, why: 'there is no Docker Compose v2' };
  const folder = mkdtempSync(join(tmpdir(), 'ops-compose-'));
  try {
    const why = await fetchPlugin(folder, plugin);
    if (why !== undefined) return { ok: false, why };
    return (await works(CONFIG)) ? { ok: true, config: CONFIG } : { ok: false, why: 'the fetched Docker Compose does not run' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function works(config) {
  const env = config === undefined ? process.env : { ...process.env, DOCKER_CONFIG: config };
  const { ok, output } = await run('docker', ['compose', 'version', '--short'], { env });
  return ok && /^v?2|^v?[3-9]/.test(output.trim());
}

async function fetchPlugin(folder, plugin) {
  const suite = SUITE_WITH_COMPOSE[codename()];
  if (suite === undefined) return 'there is no Docker Compose v2, and no known package of it for this system';
  const why = await unpackPackages(folder, suite, ['docker-compose']);
  if (why !== undefined) return `Docker Compose v2 could not be fetched: ${why}`;
  const program = join(folder, 'unpacked', 'usr', 'libexec', 'docker', 'cli-plugins', 'docker-compose');
  if (!existsSync(program)) return 'the package of Docker Compose is not as expected';
  mkdirSync(join(plugin, '..'), { recursive: true });
  copyFileSync(program, plugin);
  return undefined;
}
