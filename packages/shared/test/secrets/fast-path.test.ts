import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Redactor } from '../../src/secrets/index.js';

const SECRETS = ['c4n4ry+/"quoted"-Zq81', 'päss\\wörd\n1', '0123456789abcdef'];
const redactor = new Redactor();
for (const secret of SECRETS) redactor.add(secret);

// Pieces of what is looked for, with the signs that JSON escapes around and between them.
const piece = fc.constantFrom(
  ...SECRETS.flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64'),
    JSON.stringify(secret),
  ]),
  ...['https://', 'redis://user:', ':pa55word@', '@host', 'Bearer ', 'basic\t', 'abcdefgh01234567', 'sk-', 'xoxb_', 'ghp-'],
  ...[
    '12345678:',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef',
    'password',
    'Passwd',
    'api_key',
    'api-key',
    'TOKEN',
    'authorization',
    'cookie',
  ],
  ...['=', ': ', ' ', '"', "'", '\\', '\n', '\u0001', '\u2028', '{', '}', '[', '}}}}', 'é', '😀', '[redacted]', 'ordinary'],
);
const text = fc.oneof(
  fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary' }),
);
const data = fc.letrec((tie) => ({
  node: fc.oneof(
    { maxDepth: 15, depthSize: 'large' },
    text,
    fc.oneof(
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
      fc.date({ noInvalidDate: true }),
    ),
    fc.array(tie('node'), { maxLength: 3 }),
    fc.dictionary(text, tie('node'), { maxKeys: 3 }),
  ),
})).node;

test('the fast path gives what the walk gives, for any data', () => {
  fc.assert(
    fc.property(fc.dictionary(text, data, { maxKeys: 4 }), (value) => {
      expect(redactor.json(value)).toBe(JSON.stringify(redactor.value(value)));
    }),
    { numRuns: 3000 },
  );
});

test('each kind of secret is found whatever stands before it', () => {
  const secret = fc.constantFrom(
    ...SECRETS,
    'redis://u:pa55@h',
    'bearer abcdefgh',
    'Basic\nabcdefgh',
    'sk-ABCDEFGHIJKLMNOP',
    '12345678:ABCDEFGHIJKLMNOPQRSTUVWXYZabcd',
    'password=abc',
    'api_key": "abc',
    'Authorization:\tabc',
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), secret, fc.string({ unit: 'binary' }), (before, hidden, after) => {
      const value = { note: `${before}${hidden}${after}`, deep: [{ [`${before}\n${hidden}`]: 1 }] };
      expect(redactor.json(value)).toBe(JSON.stringify(redactor.value(value)));
    }),
    { numRuns: 2000 },
  );
});

test('data that is nested too deeply, or in itself, is cut like in the walk', () => {
  let deep: object = { end: true };
  for (let level = 0; level < 20; level += 1) deep = level % 2 === 0 ? { deep } : [deep];
  const loop: Record<string, unknown> = { name: 'loop', big: 5n };
  loop.self = loop;
  for (const value of [deep, { text: '}}}}}}}}}}}}', deep }, loop])
    expect(redactor.json(value)).toBe(JSON.stringify(redactor.value(value)));
  expect(redactor.json(loop)).toBe('{"name":"loop","big":"5","self":"[cut]"}');
});
