import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { catalog, decodeEntry, encodeEvent, type OpsEvent } from '../../src/events/index.js';
import { createLogger, EnvironmentError, readEnvironment } from '../../src/runtime/index.js';
import { Redactor, redactor, Secret } from '../../src/secrets/index.js';
import { OpsError, stamp } from '../../src/streams/index.js';

const CANARY = 'c4n4ry+/"quoted"-Zq81';
redactor.add(CANARY);
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64'), JSON.stringify(CANARY).slice(1, -1)];
const clean = (text: string) => {
  for (const form of FORMS) expect(text).not.toContain(form);
};

test('a Secret prints [redacted] however it is printed', () => {
  const secret = new Secret(CANARY);
  const said = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect(secret),
    inspect({ deep: { secret } }, { depth: 9, showHidden: true }),
  ];
  for (const text of said) {
    expect(text).toContain('[redacted]');
    clean(text);
  }
  expect(secret.reveal()).toBe(CANARY);
});

describe('the log', () => {
  const logged = (write: (log: ReturnType<typeof createLogger>) => void): string => {
    let text = '';
    write(
      createLogger('trace', {
        write: (line: string) => {
          text += line;
        },
      }),
    );
    return text;
  };

  test('a known secret leaves in no field, message, error, cause, key, URL, base64 or JSON', () => {
    const cause = new Error(`connect redis://:${encodeURIComponent(CANARY)}@127.0.0.1`);
    const text = logged((log) => {
      log.info({ url: `postgres://u:${CANARY}@h/db`, deep: [{ [CANARY]: 1 }] }, `with ${CANARY}`);
      log.error({ error: new OpsError('X', CANARY, { fields: { CANARY }, cause }) }, 'failed');
      log.warn({ body: JSON.stringify({ token: CANARY }), coded: Buffer.from(CANARY).toString('base64') });
    });
    clean(text);
    for (const line of text.trim().split('\n')) expect(() => JSON.parse(line)).not.toThrow();
  });

  test('a credential that nobody told us is known by its shape or by its field', () => {
    const text = logged((log) =>
      log.info({
        password: 'unknown-one',
        note: 'Authorization: Bearer abcdef0123456789 and sk-proj-ABCDEFGHIJKLMNOPQRST and redis://:pa55w0rd@h',
      }),
    );
    for (const leak of ['unknown-one', 'abcdef0123456789', 'ABCDEFGHIJKLMNOP', 'pa55w0rd']) expect(text).not.toContain(leak);
  });
});

test('fuzz: a known secret anywhere in anything leaves in no form, and JSON stays JSON', () => {
  const local = new Redactor();
  local.add(CANARY);
  const withCanary = fc.letrec((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      fc.constant(CANARY),
      fc.string().map((text) => `${text}${CANARY}`),
      fc.integer(),
      fc.array(tie('node')),
      fc.dictionary(fc.string(), tie('node')),
    ),
  })).node;
  fc.assert(
    fc.property(withCanary, (value) => {
      const text = JSON.stringify(local.value(value)) ?? '';
      clean(text);
      clean(local.text(JSON.stringify(value) ?? ''));
    }),
    { numRuns: 300 },
  );
});

test('an event of ours carries none', () => {
  const data = {
    service: 'crm',
    status: 'down',
    metric: 'health',
    threshold: 'ok',
    current_value: `postgres://u:${CANARY}@h`,
    timestamp: '2026-11-23T10:00:00Z',
  };
  const event = stamp({ type: 'alert.reported', subject: `crm ${CANARY}`, data }, { service: 's', host: 'h' }, 0);
  clean(encodeEvent(event as OpsEvent));
});

test('a refusal of an entry repeats none', () => {
  const decoded = decodeEntry(catalog['alert.reported'].stream, '1-0', [
    'type',
    'alert.reported',
    'data',
    JSON.stringify({ service: { CANARY }, status: 5, metric: [CANARY] }),
  ]);
  clean(JSON.stringify(decoded));
});

test('a password with a bare %, and one that is a word, break nothing', () => {
  expect(() => readEnvironment({ DATABASE_URL: 'postgres://u:100%zz@h/db' })).not.toThrow();
  const local = new Redactor();
  local.add('postgres');
  expect(local.text('postgresql is down')).toBe('postgresql is down');
  expect(local.text('postgres://postgres:postgres@h/db')).toBe('postgres://postgres:[redacted]@h/db');
});

test('the environment: a refusal names the variable and never a secret', () => {
  const bad = { REDIS_URL: `http://:${CANARY}@h`, OPS_TOKEN: 'short', OPS_PORT: 'x' };
  expect(() => readEnvironment(bad)).toThrow(EnvironmentError);
  try {
    readEnvironment(bad);
  } catch (error) {
    const text = String(error);
    expect(text).toContain('REDIS_URL');
    expect(text).toContain('OPS_PORT: "x": expected number');
    clean(text);
    expect(text).not.toContain('short');
  }
  expect(inspect(readEnvironment({ REDIS_URL: `redis://:${encodeURIComponent(CANARY)}@h` }), { depth: 9 })).not.toContain(
    encodeURIComponent(CANARY),
  );
});
