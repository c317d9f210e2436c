import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, run } from './run.mjs';

/** The name of this Debian, such as `bookworm`; empty for another system. */
export function codename() {
  const file = '/etc/os-release';
  return existsSync(file) ? (/^VERSION_CODENAME=(\w+)/m.exec(readFileSync(file, 'utf8'))?.[1] ?? '') : '';
}

/**
 * Fetches packages of a suite from the mirror of this machine and unpacks them into `folder`/unpacked. Nothing is installed.
 * @returns {Promise<string | undefined>} why it did not work
 */
export async function unpackPackages(folder, suite, packages) {
  const mirror = await mirrorOf(codename());
  if (mirror === undefined) return 'the mirror of this system is not known';
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
    // Else a list that could not be fetched is a package that does not exist.
    'APT::Update::Error-Mode=any',
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  // Of two versions, the one of the suite: the system's own may be among the candidates.
  const wanted = packages.map((name) => `${name}/${suite}`);
  for (const args of [['update'], ['download', ...wanted]]) {
    const result = await run('apt-get', ['-q', ...options, ...args], { cwd: folder });
    if (!result.ok) return lastLines(result.output, 3);
  }
  const unpacked = await run('sh', ['-c', 'for package in *.deb; do dpkg -x "$package" unpacked || exit 1; done'], {
    cwd: folder,
  });
  return unpacked.ok ? undefined : lastLines(unpacked.output, 3);
}

async function mirrorOf(suite) {
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
  return targets.find(([, release, component]) => release === suite && component === 'main')?.[0];
}
