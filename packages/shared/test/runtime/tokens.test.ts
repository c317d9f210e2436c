import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { EnvironmentError } from '../../src/runtime/index.js';
import { Tokens } from '../../src/runtime/tokens.js';
import { redactor, Secret } from '../../src/secrets/index.js';
import { testHost } from '../../src/testing/index.js';

const folder = mkdtempSync(join(tmpdir(), 'ops-tokens-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const OWN = new Secret('own-token-of-the-instance');
const token = (name: string, source: { token_env?: string; token_file?: string }) => ({
  name,
  scopes: ['operate' as const],
  ...source,
});
const refusal = (...args: Parameters<typeof Tokens.open>): string => {
  try {
    Tokens.open(...args);
  } catch (error) {
    if (error instanceof EnvironmentError) return error.message;
    throw error;
  }
  throw new Error('they were taken');
};

test.each([
  ['a variable that is not set', {}, 'token_env: "NUCLEUS_TOKEN" is not set: expected the token of nucleus'],
  [
    'a short token',
    { NUCLEUS_TOKEN: 'short-a1b2c3d4e' },
    'token_env: "NUCLEUS_TOKEN" is too short, or not printable: expected 16 or more printable ASCII characters, no space',
  ],
  [
    'a token that no header carries',
    { NUCLEUS_TOKEN: 'sixteen or more, with spaces' },
    'token_env: "NUCLEUS_TOKEN" is too short, or not printable: expected',
  ],
  [
    'the own token',
    { NUCLEUS_TOKEN: OWN.reveal() },
    'token_env: "NUCLEUS_TOKEN" holds the token of operator: expected one that nobody else has',
  ],
])('%s stops the start, and is not shown', (_name, variables: Record<string, string>, expected) => {
  const said = refusal(OWN, [token('nucleus', { token_env: 'NUCLEUS_TOKEN' })], variables);
  expect(said).toContain(`http.tokens[0].${expected}`);
  // What a person sees has passed the redactor: it must not hide what was expected.
  expect(redactor.text(said)).toContain(expected);
  for (const value of Object.values(variables)) expect(said).not.toContain(value);
});

test('every token that cannot be used is named at once: a file that is not there, one that two have', () => {
  const twin = file('twin', 'the-same-token-twice\n');
  const said = refusal(OWN, [
    token('nucleus', { token_file: join(folder, 'none') }),
    token('chief', { token_file: twin }),
    token('swarm', { token_file: twin }),
  ]);
  expect(said.split('\n').slice(1)).toEqual([
    `  http.tokens[0].token_file: ${JSON.stringify(join(folder, 'none'))} cannot be read: expected the token of nucleus`,
    `  http.tokens[2].token_file: ${JSON.stringify(twin)} holds the token of chief: expected one that nobody else has`,
  ]);
});

test('a token is found by its value, has read besides, and is known to the redactor', () => {
  const tokens = Tokens.open(OWN, [token('nucleus', { token_env: 'NUCLEUS_TOKEN' })], {
    NUCLEUS_TOKEN: 'nucleus-has-this-token',
  });
  expect([...(tokens.find('nucleus-has-this-token')?.scopes ?? [])]).toEqual(['operate', 'read']);
  expect(tokens.find(OWN.reveal())).toMatchObject({ name: 'operator', scopes: new Set(['read', 'operate', 'approve', 'ping']) });
  expect(tokens.find('')).toBeUndefined();
  expect(tokens.find('nucleus-has-this-toke')).toBeUndefined();
  expect(redactor.text('it was nucleus-has-this-token')).toBe('it was [redacted]');
  expect(JSON.stringify(tokens)).not.toContain('digest');
});

test('a process with a token that cannot be used does not start', async () => {
  const short = file('short', 'a1b2c3\n');
  const yaml = `
inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
http: { tokens: [{ name: nucleus, scopes: [operate], token_file: ${short} }] }`;
  await expect(testHost([], { yaml })).rejects.toThrow(/http\.tokens\[0\]\.token_file: .*: expected 16 or more/);
});
