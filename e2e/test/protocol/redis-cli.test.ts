import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openScene, type Scene } from './scene.js';

let scene: Scene;

// A producer of another language has nothing but flat fields; our own readings stay out of it.
beforeAll(async () => {
  scene = await openScene(`
inventory: { services: [{ name: absent, port: 1, health: { tcp: { port: 1 } }, paused: true }] }
guard:
  cpu: { enter: 10m }
  ram: { warn: 98, critical: 99, emergency: 99.5 }
  disk: { warn: 99, critical: 100 }
  reports: { calm: 0ms }
`);
}, 120_000);

afterAll(async () => {
  expect(await scene.close()).toBe(0);
}, 60_000);

const xadd = (stream: string, ...fields: string[]) =>
  execa('redis-cli', ['-u', scene.instance.redisUrl, '--no-auth-warning', 'XADD', stream, '*', ...fields]);
const report = (level: string) =>
  xadd(
    'ops:guard',
    'type',
    'guard.reported',
    'data',
    JSON.stringify({ level, cpu_percent: 50, paused: false, max_concurrent: 0 }),
  );
const actions = () => scene.all('directive.issued').map(({ action }) => action);

test('flat fields by redis-cli drive WARN, CRITICAL, EMERGENCY and the recovery, with every response', {
  timeout: 60_000,
}, async () => {
  await scene.level('normal');
  await report('warn');
  await eventually(() => expect(actions()).toEqual(['limit-agents']));
  await report('critical');
  await eventually(() =>
    expect(actions().slice(1)).toEqual(['limit-agents', 'set-models', 'gate-deployments', 'gate-maintenance']),
  );
  await report('EMERGENCY');
  await eventually(() => expect(actions().slice(5)).toEqual(expect.arrayContaining(['pause-non-revenue', 'halt-routing'])));
  await eventually(() => expect(scene.instance.said()).toContain('EMERGENCY: '));
  await report('GREEN');
  await eventually(() => expect(actions().at(-1)).toBe('resume-non-revenue'));
  await eventually(() => expect(scene.all('incident.resolved')).toMatchObject([{ kind: 'guard', severity: 'emergency' }]));

  const [directive] = scene.all('directive.issued');
  await xadd(
    'ops:directives',
    'type',
    'directive.acknowledged',
    'data',
    JSON.stringify({ directive_id: directive?.directive_id, target: directive?.target }),
  );
  expect((await scene.instance.ops('dead-letters', '--json')).stdout).toBe('[]\n'.trim());
});

test('a malformed one is dead-lettered with path, value and expectation, can be looked at and dropped, and disturbs nobody', async () => {
  await xadd('ops:guard', 'type', 'guard.reported', 'data', JSON.stringify({ level: 'mauve' }));
  await xadd('ops:alerts', 'hello', 'world');
  const letters = await eventually(async () => {
    const found = await scene.instance.json<{ deadId: string; code: string; reasons: string[] }[]>('dead-letters');
    expect(found.map(({ code }) => code)).toEqual(expect.arrayContaining(['bad-data', 'no-event-field']));
    return found;
  });
  expect(letters.find(({ code }) => code === 'bad-data')?.reasons[0]).toBe(
    'data.level: "mauve": expected one of "normal", "warn", "critical", "emergency"',
  );
  for (const { deadId } of letters) {
    expect((await scene.instance.ops('dead-letters', 'show', deadId)).exitCode).toBe(0);
    expect((await scene.instance.ops('dead-letters', 'drop', deadId)).exitCode).toBe(2);
    expect((await scene.instance.ops('dead-letters', 'drop', deadId, '--yes')).exitCode).toBe(0);
  }
  expect(await scene.instance.json('dead-letters')).toEqual([]);
});

test('ops tail shows the events, one JSON object a line, with filters', async () => {
  const { stdout, exitCode } = await scene.instance.ops(
    'tail',
    '--no-follow',
    '-o',
    'ndjson',
    '--type',
    'guard.*',
    '--exclude',
    'guard.sampled',
  );
  expect(exitCode).toBe(0);
  const types = stdout.split('\n').map((line) => (JSON.parse(line) as { type: string }).type);
  expect(new Set(types)).toEqual(new Set(['guard.reported', 'guard.level-changed']));
});
