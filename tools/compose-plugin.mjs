import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayInstall } from './apt.mjs';
import { lastLines, root, run } from './run.mjs';

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
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? '';
  const suite = SUITE_WITH_COMPOSE[codename];
  const mirror = await mirrorOf(codename);
  if (suite === undefined || mirror === undefined)
    return 'there is no Docker Compose v2, and no known package of it for this system';

  // Its own lists, cache and sources: the system's stay as they are. Settings such as a proxy are the system's.
  for (const name of ['lists/partial', 'cache/archives/partial', 'unpacked']) mkdirSync(join(folder, name), { recursive: true });
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const signed = existsSync(keyring) ? `[signed-by=${keyring}] ` : '';
  writeFileSync(join(folder, 'sources.list'), `deb ${signed}${mirror} ${suite} main\n`);
  const options = [
    `Dir::State::Lists=${folder}/lists`,
    `Dir::Cache=${folder}/cache`,
    `Dir::Etc::SourceList=${folder}/sources.list`,
    'Dir::Etc::SourceParts=-',
    'Acquire::Languages=none',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  for (const args of [['update'], ['download', 'docker-compose']]) {
    const result = await run('apt-get', ['-q', ...options, ...args], { cwd: folder });
    if (!result.ok) return `Docker Compose v2 could not be fetched: ${lastLines(result.output, 3)}`;
  }
  const unpacked = await run('sh', ['-c', 'dpkg -x docker-compose_*.deb unpacked'], { cwd: folder });
  const program = join(folder, 'unpacked', 'usr', 'libexec', 'docker', 'cli-plugins', 'docker-compose');
  if (!unpacked.ok || !existsSync(program))
    return `the package of Docker Compose is not as expected: ${lastLines(unpacked.output, 3)}`;
  mkdirSync(join(plugin, '..'), { recursive: true });
  copyFileSync(program, plugin);
  return undefined;
}

async function mirrorOf(codename) {
  const { output } = await run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE) $(COMPONENT)',
    'Created-By: Packages',
  ]);
  const targets = output
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  return targets.find(([, release, component]) => release === codename && component === 'main')?.[0];
}
