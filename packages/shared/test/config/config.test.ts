import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError, parseConfig } from '../../src/config/index.js';

const SHIPPED = readFileSync(new URL('../../../../ops.yaml', import.meta.url), 'utf8');
const service = (extra: object = {}) => ({ name: 'crm', port: 3500, health: { tcp: { port: 3500 } }, ...extra });
const refusal = (input: unknown): string => {
  try {
    parseConfig(typeof input === 'string' ? input : stringify(input));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was taken');
};

test('the shipped ops.yaml is valid, has the seven services, and says the defaults', () => {
  const shipped = parseConfig(SHIPPED);
  expect(shipped.inventory.services.map(({ name, port }) => `${name}:${port}`)).toEqual([
    'atomic-reactor:8888',
    'openclaw:18789',
    'crm:3500',
    'redis:6379',
    'postgresql:5432',
    'chromadb:8000',
    'ollama:11434',
  ]);
  const { inventory: _shipped, ...rest } = shipped;
  const { inventory: _smallest, ...defaults } = parseConfig(stringify({ inventory: { services: [service()] } }));
  expect(rest).toEqual(defaults);
});

test('every key of the schema stands in the shipped file', () => {
  const keys = (value: unknown): string[] =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => [key, ...keys(inner)])
      : [];
  const { inventory: _inventory, ...defaults } = parseConfig(SHIPPED);
  const words = new Set(SHIPPED.match(/[\w-]+/g));
  expect(keys(defaults).filter((key) => !words.has(key))).toEqual([]);
});

describe('a mistake is refused with line, path, value and expectation', () => {
  test.each([
    ['an unknown key', { inventory: { services: [service()] }, gaurd: {} }, 'gaurd: {}: expected no such key'],
    [
      'an unknown key deep inside',
      { inventory: { services: [service({ heath: 1 })] } },
      'inventory.services[0].heath: 1: expected no such key',
    ],
    [
      'a bad duration',
      { inventory: { services: [service({ interval: '5 seconds' })] } },
      'inventory.services[0].interval: "5 seconds": expected a duration',
    ],
    [
      'a database of a service that is in no project',
      { inventory: { services: [service({ deploy: { database: { service: 'db', name: 'crm' } } })] } },
      'inventory.services[0].deploy.database: ',
    ],
    [
      'a database whose name is none',
      {
        inventory: {
          services: [
            service({ compose: { project: 'crm', service: 'crm' }, deploy: { database: { service: 'db', name: 'a b' } } }),
          ],
        },
      },
      'inventory.services[0].deploy.database.name: "a b": expected the name of a database',
    ],
    [
      'two services on one port',
      { inventory: { services: [service(), service({ name: 'other' })] } },
      'inventory.services[1].port: 3500: expected a port that no other service has (crm has it)',
    ],
    [
      'two services of one name',
      { inventory: { services: [service(), service({ port: 1 })] } },
      'inventory.services[1].name: "crm": expected a name that no other service has',
    ],
    [
      'a dependency on nobody',
      { inventory: { services: [service({ depends_on: ['db'] })] } },
      'inventory.services[0].depends_on[0]: "db": expected the name of a service',
    ],
    ['a dependency on itself', { inventory: { services: [service({ depends_on: ['crm'] })] } }, 'expected no cycle'],
    [
      'no health check',
      { inventory: { services: [service({ health: {} })] } },
      'inventory.services[0].health: {}: expected exactly one of http, redis',
    ],
    [
      'two health checks',
      { inventory: { services: [service({ health: { tcp: { port: 1 }, redis: {} } })] } },
      'expected exactly one of http, redis',
    ],
    [
      'a bad port',
      { inventory: { services: [service({ health: { tcp: { port: 70_000 } } })] } },
      'inventory.services[0].health.tcp.port: 70000: expected at most 65535',
    ],
    [
      'thresholds that fall',
      { inventory: { services: [service()] }, guard: { cpu: { warn: 90, critical: 85 } } },
      'guard.cpu.critical: 85: expected more than warn (90)',
    ],
    [
      'a done marker that is too short',
      { inventory: { services: [service()] }, retention: { streams: '9d' } },
      'retention.done_markers: ',
    ],
    [
      'a protected service whose processes nobody knows, where some may be ended',
      { inventory: { services: [service({ protected: true })] }, guard: { runaway: { eligible: { names: ['node'] } } } },
      'inventory.services[0].processes: missing: expected names or commands',
    ],
    [
      'a service that says nothing of its protection, where whatever is not named may be ended',
      { inventory: { services: [service()] }, guard: { runaway: { unknown: 'eligible' } } },
      'is protected, because it does not say `protected: false`',
    ],
    [
      'a rule of sparing with a key that is none',
      { inventory: { services: [service()] }, guard: { runaway: { never: [{ uid: 1000 }] } } },
      'guard.runaway.never[0].uid: 1000: expected no such key',
    ],
    [
      'a rule of sparing that is no text',
      { inventory: { services: [service()] }, guard: { runaway: { never: [7] } } },
      'guard.runaway.never[0]: 7: expected a process name, { command: a text in command lines } or { user: a name or number }',
    ],
    ...(
      [
        ['without a scope', [{ name: 'nucleus', scopes: [], token_env: 'T' }], '[0].scopes: []: expected at least 1'],
        [
          'with a scope that is none',
          [{ name: 'nucleus', scopes: ['admin'], token_env: 'T' }],
          '[0].scopes[0]: "admin": expected one of "read", "operate", "approve"',
        ],
        [
          'that is nowhere',
          [{ name: 'nucleus', scopes: ['read'] }],
          '[0].token_env: missing: expected either token_env or token_file',
        ],
        [
          'that is in two places',
          [{ name: 'nucleus', scopes: ['read'], token_env: 'T', token_file: 'f' }],
          '[0].token_env: "T": expected either token_env or token_file',
        ],
        [
          'in a variable without a name',
          [{ name: 'nucleus', scopes: ['read'], token_env: 'a b' }],
          '[0].token_env: "a b": expected the name',
        ],
        ['of nobody', [{ name: '', scopes: ['read'], token_env: 'T' }], '[0].name: "": expected lower-case letters'],
        [
          "named as the instance's own",
          [{ name: 'operator', scopes: ['read'], token_env: 'T' }],
          '[0].name: "operator": expected another',
        ],
        [
          'named as another one',
          [
            { name: 'nucleus', scopes: ['read'], token_env: 'T' },
            { name: 'nucleus', scopes: ['read'], token_env: 'U' },
          ],
          '[1].name: "nucleus": expected a name that no other token has',
        ],
      ] as const
    ).map(([what, tokens, expected]): [string, object, string] => [
      `a token ${what}`,
      { inventory: { services: [service()] }, http: { tokens } },
      `http.tokens${expected}`,
    ]),
    [
      'pauses of remediation that do not grow',
      { inventory: { services: [service()] }, deploy: { remediation: { first_pause: '20m' } } },
      'deploy.remediation.longest_pause: missing: expected at least first_pause',
    ],
    ['YAML that is none', 'inventory: [', 'line 1: '],
    ['nothing at all', '', 'inventory: missing: expected object'],
  ])('%s', (_name, input, expected) => {
    expect(refusal(input)).toContain(expected);
  });

  test('the line is that of the mistake', () => {
    expect(refusal('inventory:\n  services:\n    - name: crm\n      port: many\n      health: { tcp: { port: 1 } }\n')).toContain(
      'line 4: inventory.services[0].port: "many": expected number',
    );
  });

  test('a secret that was written into the file is not repeated', () => {
    const text = refusal({ inventory: { services: [service({ health: { redis: {}, password: 'hunter2-hunter2' } })] } });
    expect(text).toContain('health.password');
    expect(text).not.toContain('hunter2');
  });

  test('a bomb of aliases is refused', () => {
    const levels = Array.from(
      { length: 12 },
      (_, index) => `l${index + 1}: &l${index + 1} [${Array(9).fill(`*l${index}`).join(', ')}]`,
    );
    expect(refusal(['l0: &l0 [x]', ...levels].join('\n'))).toContain('anchors');
  });
});

test('fuzz: anything in place of any key is taken or refused, and never breaks', () => {
  const paths = [
    ['inventory'],
    ['inventory', 'services'],
    ['guard'],
    ['guard', 'cpu'],
    ['guard', 'runaway', 'mode'],
    ['guard', 'response', 'warn'],
    ['swarm', 'queues'],
    ['retention'],
    ['status', 'every'],
    ['http', 'bind'],
    ['host'],
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...paths),
      fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0, 1e308, '5s', '', [], {})),
      (path, junk) => {
        const input: Record<string, unknown> = { inventory: { services: [service()] } };
        let at = input;
        for (const key of path.slice(0, -1)) {
          at[key] = { ...(at[key] as object | undefined) };
          at = at[key] as Record<string, unknown>;
        }
        at[path.at(-1) ?? ''] = junk;
        try {
          parseConfig(stringify(input));
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as ConfigError).message).toMatch(/: expected |expected /);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('a relative folder of a scheduled job, or of workflows, is one beside ops.yaml, wherever the program was started', () => {
  const cron = {
    sources: [{ workflows: { folder: 'flows' } }, { workflows: { name: 'others', folder: '/srv/flows' } }],
    jobs: [{ id: 'backup', folder: './backup' }, { id: 'other', folder: '/srv' }, { id: 'none' }],
  };
  const { sources, jobs } = parseConfig(stringify({ inventory: { services: [service()] }, cron }), '/etc/ops/ops.yaml').cron;
  expect(sources).toMatchObject([{ workflows: { folder: '/etc/ops/flows' } }, { workflows: { folder: '/srv/flows' } }]);
  expect(jobs.map(({ folder }) => folder)).toEqual(['/etc/ops/backup', '/srv', undefined]);
});
