import { parseConfig } from '@ops/shared/config';
import { expect, test } from 'vitest';
import { runawayPolicyOf } from '../../src/decide/policies.js';
import { decideRunaway } from '../../src/decide/runaway.js';
import { neverUsers } from '../../src/host/users.js';
import { gib, now, proc, ramFacts } from './runaway-tables.js';

const other = () => proc(201, { name: 'other', program: 'other', uid: 1001 });
const HEALTH = 'health: { tcp: { port: 1 } }';

/** Who would be ended of two hogs, the larger of which is `worker`, where ops.yaml says this. */
function victimWhere(service: string, runaway: string, larger: Parameters<typeof proc>[1] = {}): string | null {
  const { guard, inventory } = parseConfig(`
inventory: { services: [{ name: worker, ${HEALTH}, ${service} }] }
guard: { runaway: { mode: "on", ${runaway} } }
`);
  const policy = runawayPolicyOf(guard, inventory.services, neverUsers(guard.runaway.never, '/etc/passwd'));
  const table = [proc(200, { rssBytes: 9 * gib, name: 'worker', program: 'worker', ...larger }), other()];
  return decideRunaway(ramFacts(table), policy, now)?.victim.name ?? null;
}

const known = 'processes: { names: [worker] }';

test.each([
  ['nothing: it is protected', known, 'unknown: eligible', 'other'],
  ['nothing, where nobody else is named', known, 'unknown: spare', null],
  ['protected: false', `${known}, protected: false`, 'unknown: spare', 'worker'],
  ['protected: true', `${known}, protected: true`, 'unknown: eligible', 'other'],
  ['nothing, and eligible repeats its name', known, 'eligible: { names: [worker] }', 'worker'],
  ['protected: true, and eligible repeats its name', `${known}, protected: true`, 'eligible: { names: [worker] }', null],
  ['protected: false, and it is revenue', `${known}, protected: false, class: revenue`, 'unknown: eligible', 'other'],
  ['nothing, and eligible names what runs it', known, 'eligible: { commands: [usr] }', 'other'],
])('a service of the inventory that says %s', (_, service, runaway, expected) => {
  expect(victimWhere(service, runaway)).toBe(expected);
});

test.each([
  ['a name', 'never: [worker]', 'other'],
  ['a text in the command line', 'never: [{ command: "--id 200" }]', 'other'],
  ['a text that is not there', 'never: [{ command: "--id .00" }]', 'worker'],
  ['a user by number', 'never: [{ user: 1000 }]', 'other'],
  ['a user by name', 'never: [{ user: root }]', 'other'],
])('never: %s', (_, never, expected) => {
  const uid = never.includes('root') ? 0 : 1000;
  const service = `${known}, protected: false`;
  const { guard, inventory } = parseConfig(
    `inventory: { services: [{ name: worker, ${HEALTH}, ${service} }] }\nguard: { runaway: { mode: "on", unknown: eligible, ${never} } }`,
  );
  const policy = runawayPolicyOf(guard, inventory.services, neverUsers(guard.runaway.never));
  const table = [proc(200, { rssBytes: 9 * gib, name: 'worker', uid }), other()];
  expect(decideRunaway(ramFacts(table), policy, now)?.victim.name).toBe(expected);
});

test('a user whom the host does not know stops the start, saying where', () => {
  expect(() => neverUsers(['node', { user: 'no-such-user' }])).toThrow(
    /guard\.runaway\.never\[1\]\.user: "no-such-user": expected a user of \/etc\/passwd, or the number of one/,
  );
});
