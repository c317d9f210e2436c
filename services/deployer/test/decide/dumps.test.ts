import { describe, expect, test } from 'vitest';
import { type DatabaseFacts, plannedDumps } from '../../src/decide/dumps.js';
import { isDumping } from '../../src/decide/out-of-band.js';

const crm = { service: 'db', name: 'crm', user: 'postgres' };
const facts = (more: Partial<DatabaseFacts> = {}): DatabaseFacts => ({
  request: { kind: 'compose', schemaChange: true },
  services: [
    { service: 'web', change: 'replace' },
    { service: 'db', change: 'keep' },
  ],
  containers: [{ name: 'p-db-1', service: 'db', running: true }],
  databases: { web: crm },
  ...more,
});
const AS_ALWAYS = 'a database schema changes: an older version may not read it';

describe('what is dumped before a schema change', () => {
  test.each<[string, Partial<DatabaseFacts>, readonly object[]]>([
    ['the database of a deployed service', {}, [crm]],
    ['of one that is not changed too', { services: [{ service: 'web', change: 'keep' }] }, [crm]],
    [
      'once, where two services share it',
      { services: ['web', 'api'].map((service) => ({ service, change: 'replace' })), databases: { web: crm, api: crm } },
      [crm],
    ],
    ['nothing without a schema change', { request: { kind: 'compose', schemaChange: false } }, []],
    [
      'a container that is set aside does not count',
      { containers: [...facts().containers, { name: 'p-db-1.ops-0123abcd', service: 'db', running: true }] },
      [crm],
    ],
  ])('%s', (_what, more, dumps) => expect(plannedDumps(facts(more))).toEqual({ dumps, irreversible: [] }));

  test.each<[string, Partial<DatabaseFacts>, string]>([
    ['no database is known', { databases: {} }, AS_ALWAYS],
    ['it is that of a service that is not deployed', { databases: { blog: crm } }, AS_ALWAYS],
    ['a rollback is asked for', { request: { kind: 'rollback', schemaChange: true } }, AS_ALWAYS],
    ['its server does not run', { containers: [{ name: 'p-db-1', service: 'db', running: false }] }, '0 containers of db run'],
    [
      'two of them run',
      { containers: [1, 2].map((n) => ({ name: `p-db-${n}`, service: 'db', running: true })) },
      '2 containers of db run',
    ],
    [
      'it is replaced with it',
      {
        services: [
          { service: 'web', change: 'replace' },
          { service: 'db', change: 'replace' },
        ],
      },
      'db itself is deployed with it',
    ],
  ])('an approval where %s', (_what, more, reason) => {
    const { dumps, irreversible } = plannedDumps(facts(more));
    expect(dumps).toEqual([]);
    expect(irreversible).toEqual([expect.stringContaining(reason)]);
  });
});

test.each<[string, string, boolean]>([
  ['exec_create: pg_dump --username=postgres --format=custom', 'db', true],
  ['exec_create: pg_restore --file=/dev/null', 'db', true],
  ['exec_create: pg_dump --username=postgres', 'web', false],
  ['exec_create: sh -c pg_dump ', 'db', false],
  ['exec_create: pg_dumpall ', 'db', false],
  ['start', 'db', false],
])('%s in %s is a dump of ours: %s', (action, service, is) => expect(isDumping({ action, service }, new Set(['db']))).toBe(is));
