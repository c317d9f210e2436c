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

test('a text is clean of each kind of secret, whatever stands around it', () => {
  const kinds: readonly (readonly [string, string])[] = [
    ...SECRETS.map((secret) => [secret, secret] as const),
    ['redis://user:pa55word@host', 'pa55word'],
    ['Bearer\tabcdefgh01234567', 'abcdefgh01234567'],
    ['BASIC abcdefgh01234567', 'abcdefgh01234567'],
    ['sk-ABCDEFGHIJKLMNOP', 'ABCDEFGHIJKLMNOP'],
    ['123456789:ABCDEFGHIJKLMNOPQRSTUVWXYZabcd', 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcd'],
    ['Passwd = hunter22', 'hunter22'],
    ['"api-key":"hunter22"', 'hunter22'],
    ['authorization: hunter22', 'hunter22'],
  ];
  const around = fc.string({ unit: 'binary' });
  fc.assert(
    fc.property(around, fc.constantFrom(...kinds), around, (before, [written, hidden], after) => {
      fc.pre(!before.includes(hidden) && !after.includes(hidden));
      expect(redactor.text(`${before} ${written} ${after}`)).not.toContain(hidden);
    }),
    { numRuns: 2000 },
  );
});

test('data that was read is what the walk gives, also where the text that it came from was escaped by hand', () => {
  fc.assert(
    fc.property(fc.dictionary(text, data, { maxKeys: 4 }), fc.boolean(), (value, byHand) => {
      const written = JSON.stringify(value);
      const plain = JSON.parse(written) as object;
      const byCode = (letter: string) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
      const read = byHand ? written.replaceAll(/[a-z](?=[^"\\]*")/g, byCode) : written;
      fc.pre(!byHand || isSame(read, plain));
      expect(redactor.data(plain, read)).toEqual(redactor.value(plain));
    }),
    { numRuns: 2000 },
  );
});

// Escaping by hand may break what was escaped before: then it is another text.
function isSame(json: string, value: object): boolean {
  try {
    return JSON.stringify(JSON.parse(json)) === JSON.stringify(value);
  } catch {
    return false;
  }
}
