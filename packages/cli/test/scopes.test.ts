import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@ops/shared/runtime';
import { testHost } from '@ops/shared/testing';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const CONFIG = fileURLToPath(new URL('../../../ops.yaml', import.meta.url));

test('ops uses OPS_TOKEN; one that may not, and one that nobody knows, end with 4 and a word on what is needed', async () => {
  const home = mkdtempSync(join(tmpdir(), 'ops-cli-'));
  const token = 'the-phone-approves-with-this';
  writeFileSync(join(home, 'phone'), token);
  const frozen: string[] = [];
  const freezing: ServiceDefinition = {
    name: 'freezing',
    migrations: {},
    wire: async () => ({
      on: {},
      routes: (router) => {
        router.post('/freeze', (request, response) => {
          frozen.push(request.body.by);
          response.json({ freeze: { until: null } });
        });
      },
    }),
  };
  const yaml = `
inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
http: { tokens: [{ name: phone, scopes: [approve], token_file: ${join(home, 'phone')} }] }`;
  const host = await testHost([freezing], { yaml });
  const freeze = async (OPS_TOKEN: string) => {
    const env = { OPS_HOME: home, OPS_CONFIG: CONFIG, OPS_URL: host.hosted.address, OPS_TOKEN };
    const args = [MAIN, 'freeze', '--reason', 'audit', '--by', 'maurice'];
    const { exitCode, stderr } = await execa(process.execPath, args, { env, reject: false });
    return { exitCode, stderr };
  };
  expect(await freeze(token)).toEqual({
    exitCode: 4,
    stderr:
      'ops: the token phone may not do this (it has approve, read): expected one with the scope operate (http.tokens of ops.yaml)',
  });
  expect(await freeze('x'.repeat(32))).toEqual({
    exitCode: 4,
    stderr: expect.stringContaining('expected that of OPS_HOME/secrets/token or of http.tokens'),
  });
  expect(frozen).toEqual([]);
  expect(await freeze(host.token)).toEqual({ exitCode: 0, stderr: '' });
  expect(frozen).toEqual(['maurice']);
  await host.close();
  rmSync(home, { recursive: true });
});
