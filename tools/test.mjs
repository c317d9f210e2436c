// npm test: makes the checkout ready, runs the machine checks and every test, and proves that nothing was left behind.
// `--only <project>` runs the tests of one package, `--no-docker` does without an engine.
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEngine, stopEngine } from './docker-engine.mjs';
import { endProcesses, processesWith, untilNone } from './processes.mjs';
import { root, run, signalChildren } from './run.mjs';
import { SetupError, setup, step } from './setup.mjs';
import { readReport } from './test-report.mjs';

const MARK = 'OPS_TEST_RUN';
const mark = `${process.pid}-${Date.now()}`;
const { values: options } = parseArgs({
  options: { only: { type: 'string' }, 'no-docker': { type: 'boolean', default: false } },
});
// The temporary folder of the tests, open to all as such folders are: some servers run as another user.
const scratch = mkdtempSync(join(tmpdir(), 'ops-test-run-'));
chmodSync(scratch, 0o1777);
const problems = [];
let interrupted = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // A second one while vitest still tidies up ends it at once.
    signalChildren(interrupted ? 'SIGKILL' : 'SIGTERM');
    interrupted = true;
  });
}

async function main() {
  await setup({ binaryRedis: true });
  await machineChecks();
  // Here, where there is a network: the tests run in one of their own.
  await step('newer servers', async () => {
    const { ok, output } = await run(process.execPath, [join(root, 'tools', 'newer-redis.mjs')]);
    return ok && output.includes('valkey-server') ? 'Redis 8 and Valkey 8' : 'none: their tests are skipped';
  });
  await step('postgresql files', async () => {
    const { ok, output } = await run(process.execPath, [join(root, 'tools', 'postgres-files.mjs')]);
    return ok && output.includes('"bin"') ? 'for an image' : 'none: the tests of dumps are skipped';
  });
  let engine = { available: false, why: 'switched off by --no-docker', command: 'npm test' };
  try {
    await step('docker', async () => {
      if (!options['no-docker'] && !interrupted) engine = await startEngine();
      return engine.available ? engine.what : `none: ${engine.why}; ${engine.command}`;
    });
    const before = await containers(engine);
    const tests = await runTests(engine);
    for (const name of (await containers(engine)).filter((one) => !before.includes(one)))
      problems.push(`container left behind: ${name}`);
    await leftProcesses();
    return summary(tests, engine);
  } finally {
    await endProcesses(() => processesWith(MARK, mark, scratch));
    await stopEngine(engine);
  }
}

async function machineChecks() {
  const check = join(root, 'tools', 'check.mjs');
  if (options.only !== undefined || interrupted || !existsSync(check)) return;
  const { ok } = await run(process.execPath, [check], { stdio: 'inherit' });
  if (!ok) problems.push('machine checks failed');
}

/** Says whether vitest was content, and where its report is. */
async function runTests(engine) {
  const docker = engine.available
    ? { ...engine.env, OPS_TEST_DOCKER: '1', TESTCONTAINERS_RYUK_DISABLED: 'true' }
    : { OPS_TEST_DOCKER: '0' };
  const report = join(scratch, 'report.json');
  if (interrupted) return { ok: false, report };
  const only = options.only === undefined ? [] : ['--project', options.only];
  const vitest = [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', '--passWithNoTests', ...only];
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const [program, ...rest] = [...(engine.prefix ?? []), process.execPath, ...vitest, ...reporters];
  const { ok } = await run(program, rest, { stdio: 'inherit', env: { ...testEnvironment(), ...docker } });
  return { ok, report };
}

// What is exported for a real instance must not reach the tests: they empty what they are given.
function testEnvironment() {
  const env = { ...process.env, TMPDIR: scratch, [MARK]: mark };
  for (const name of Object.keys(env))
    if (name === 'REDIS_URL' || name === 'DATABASE_URL' || (name.startsWith('OPS_') && name !== MARK)) delete env[name];
  return env;
}

async function leftProcesses() {
  // Servers that die with their test worker need a moment for it.
  for (const { pid, command } of await untilNone(() => processesWith(MARK, mark, scratch), 15_000))
    problems.push(`process left behind: ${pid} ${command}`);
}

async function containers(engine) {
  if (!engine.available) return [];
  const args = ['ps', '--all', '--no-trunc', '--format', '{{.ID}} {{.Names}} ({{.Image}})'];
  const { output } = await run('docker', args, { env: { ...process.env, ...engine.env } });
  return output.split('\n').filter(Boolean);
}

function summary({ ok, report }, engine) {
  const reasons = {
    OPS_TEST_DOCKER: `no Docker: ${engine.why}`,
    withoutPostgres: 'no Docker, or no files of PostgreSQL for an image (tools/postgres-files.mjs)',
    getuid: 'the user who runs the tests is not root, or is',
    platform: 'made for another platform',
  };
  const { passed, failed, skipped, broken, skips } = readReport(report, reasons);
  if (!interrupted) problems.push(...broken);
  // Errors outside of any test are in no report, only in the exit code.
  if (failed === 0 && broken.length === 0 && !ok && !interrupted) problems.push('vitest failed outside of its tests');
  if (passed + failed === 0) problems.push('no test ran');
  if (interrupted) problems.push('interrupted');
  console.log();
  for (const { group, count, reason } of skips) console.log(`skipped  ${count} in ${group}: ${reason}`);
  for (const problem of problems) console.log(`failed   ${problem}`);
  return { passed, failed: failed + problems.length, skipped };
}

try {
  const { passed, failed, skipped } = await main();
  if (failed > 0) process.exitCode = 1;
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
