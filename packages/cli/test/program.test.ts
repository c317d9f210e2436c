import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../src/program.js';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../ops.yaml', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'ops-cli-'));

/** Runs the built `ops` where nothing runs. */
async function ops(args: string[], env: Record<string, string> = {}) {
  const { stdout, stderr, exitCode } = await execa(process.execPath, [MAIN, ...args], {
    env: { OPS_HOME: home, OPS_PORT: '6', OPS_CONFIG: CONFIG, ...env },
    reject: false,
  });
  return { stdout, stderr, exitCode };
}

describe('exit codes and streams', () => {
  test.each([
    ['help', ['--help'], 0],
    ['no such command', ['statsu'], 2],
    ['no such option', ['status', '--loud'], 2],
    ['a missing argument', ['ack'], 2],
    ['a missing reason', ['ack', 'crm'], 2],
    ['a bad format', ['status', '-o', 'xml'], 2],
    ['a bad duration', ['guard', '--timeout', 'soon'], 2],
    ['a bad count', ['tail', '-n', '0'], 2],
    ['a dead letter without an id', ['dead-letters', 'show', 'x'], 6],
    ['nothing that runs, by HTTP', ['status'], 6],
    ['nothing that runs, by the bus', ['tail'], 6],
  ])('%s', async (_name, args, expected) => {
    const { exitCode, stdout, stderr } = await ops(args);
    expect(exitCode).toBe(expected);
    // What is no data goes to stderr.
    if (expected !== 0) expect([stdout, stderr.length > 0]).toEqual(['', true]);
  });

  test('a word that is nearly a command is corrected', async () => {
    expect((await ops(['statsu'])).stderr).toContain('Did you mean status?');
  });

  test('what is not reachable says what to do', async () => {
    const { stderr } = await ops(['status']);
    expect(stderr).toContain('npm start');
  });

  test('a configuration that cannot be used stops the start, with path, value and expectation', async () => {
    const { exitCode, stderr } = await ops(['up'], { OPS_CONFIG: join(home, 'none.yaml') });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('none.yaml cannot be used');
  });

  test('an environment that cannot be used stops every command', async () => {
    const { exitCode, stderr } = await ops(['status'], { OPS_PORT: 'many' });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('OPS_PORT: "many": expected number');
  });
});

test('a command that is named first is there, without those that it does not need', async () => {
  const namesOf = async (words: string[]) => (await createProgram(words)).commands.map((command) => command.name());
  const all = await namesOf([]);
  expect(all).toEqual(await namesOf(['statsu']));
  for (const name of all) {
    const found = await namesOf([name]);
    expect(found).toContain(name);
    expect(found.length).toBeLessThan(all.length / 2);
  }
});

describe('ops doctor', () => {
  test('says what is there and what is missing, as data', async () => {
    const { stdout, exitCode } = await ops(['doctor', '--json'], { OPS_PORT: '7700' });
    const findings = JSON.parse(stdout) as { what: string; state: string; found: string; mend: string }[];
    expect(findings.map(({ what }) => what)).toEqual([
      'node',
      'configuration',
      'redis',
      'port',
      'home',
      'pressure (PSI)',
      'docker',
      'docker compose',
    ]);
    expect(findings.find(({ what }) => what === 'node')).toMatchObject({ state: 'ok' });
    expect(exitCode).toBe(findings.some(({ state }) => state === 'missing') ? 1 : 0);
  });

  test('what is missing has a way to mend it, and exit code 1', async () => {
    const { stdout, exitCode } = await ops(['doctor', '--json'], { PATH: '/nowhere', OPS_CONFIG: join(home, 'none.yaml') });
    const findings = JSON.parse(stdout) as { what: string; state: string; mend: string }[];
    expect(findings.filter(({ state }) => state === 'missing').map(({ what }) => what)).toEqual(
      expect.arrayContaining(['configuration', 'redis']),
    );
    expect(findings.every(({ state, mend }) => state === 'ok' || mend.length > 0)).toBe(true);
    expect(exitCode).toBe(1);
  });
});
