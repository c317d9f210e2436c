import { describe, expect, test } from 'vitest';
import { stackFile, stackFindings, stackText } from '../../src/decide/swarm/stack-file.js';
import { containerOf, currentTasks, endedTasks, type Task } from '../../src/decide/swarm/tasks.js';
import { earliestRolloutMs } from '../../src/decide/timing.js';

const model = {
  name: 'shop',
  services: {
    web: {
      image: 'web:latest',
      build: { context: '.' },
      command: null,
      container_name: 'the-web',
      restart: 'always',
      depends_on: { migrate: { condition: 'service_completed_successfully' }, db: { condition: 'service_started' } },
      ports: [{ target: 80, published: '8080', protocol: 'tcp', host_ip: '0.0.0.0', mode: 'host' }],
      labels: { a: 'b' },
      deploy: { replicas: 2, update_config: { order: 'start-first', failure_action: 'rollback' } },
      configs: [{ source: 'site' }],
    },
    migrate: { image: 'web:latest' },
  },
  configs: { site: { name: 'shop_site', file: '/p/site.conf' }, other: { name: 'given', external: true } },
};
const hashes = { '/p/site.conf': '0123456789abcdef' };

describe('the file of a stack', () => {
  test('is what `docker stack deploy` takes, with images by their ids, and leaves no decision to the Swarm', () => {
    const wanted = [
      { service: 'web', image: 'sha256:1', oneShot: false, configHash: 'h1' },
      { service: 'migrate', image: 'sha256:2', oneShot: true, configHash: 'h2' },
    ];
    expect(stackFile(model, wanted, hashes)).toEqual({
      version: '3.9',
      services: {
        web: {
          image: 'sha256:1',
          depends_on: ['db', 'migrate'],
          ports: [{ target: 80, published: 8080, protocol: 'tcp', mode: 'host' }],
          labels: { a: 'b', 'ops-automation.config-hash': 'h1' },
          deploy: { replicas: 2, update_config: { order: 'start-first', failure_action: 'pause' } },
          configs: [{ source: 'site' }],
        },
        migrate: {
          image: 'sha256:2',
          labels: { 'ops-automation.config-hash': 'h2' },
          deploy: { restart_policy: { condition: 'none' }, update_config: { failure_action: 'pause' } },
        },
      },
      configs: { site: { name: 'shop_site_0123456789ab', file: '/p/site.conf' }, other: { name: 'given', external: true } },
    });
  });

  test('another image is no other configuration; another file, label or port is', () => {
    const text = (changed: object, files = hashes) => {
      const web = { ...model.services.web, ...changed };
      return stackText({ ...model, services: { ...model.services, web } }, 'web', { oneShot: false, files });
    };
    const before = text({});
    expect(text({ image: 'web:2' })).toBe(before);
    expect(text({ labels: { a: 'c' } })).not.toBe(before);
    expect(text({ ports: [] })).not.toBe(before);
    expect(text({}, { '/p/site.conf': 'other' })).not.toBe(before);
  });

  test.each([
    [{ ports: [{ target: 80, published: '8080', host_ip: '127.0.0.1' }] }, '127.0.0.1:8080'],
    [{ deploy: { mode: 'global' } }, 'global'],
  ])('what a Swarm would take otherwise is found: %j', (service, found) => {
    const findings = stackFindings({ name: 'shop', services: { web: service } }, ['web']);
    expect(findings).toMatchObject([{ code: 'not-in-a-swarm', found }]);
  });
});

test('a roll-out takes one health check after the other, and the pauses between them', () => {
  const service = (update_config: object) => ({
    healthcheck: { test: ['CMD', 'true'], interval: '10s' },
    deploy: { update_config },
  });
  expect(earliestRolloutMs(service({}), undefined, 3)).toBe(30_000);
  expect(earliestRolloutMs(service({ parallelism: 2, delay: '5s' }), undefined, 3)).toBe(25_000);
  expect(earliestRolloutMs(service({ parallelism: 0, delay: '5s' }), undefined, 3)).toBe(10_000);
  expect(earliestRolloutMs({}, undefined, 3)).toBe(0);
});

describe('tasks', () => {
  const task = (id: string, more: Partial<Task> = {}): Task => ({
    id,
    service: 'web',
    slot: 1,
    createdAt: `2026-11-25T10:00:0${id}Z`,
    image: 'sha256:1',
    configHash: 'h',
    specHash: 's',
    isCurrent: true,
    addresses: [],
    state: 'running',
    desired: 'running',
    since: 1,
    exitCode: 0,
    error: '',
    healthcheck: true,
    ...more,
  });
  const ids = (tasks: readonly Task[]) => currentTasks(tasks).map(({ id }) => id);

  test('the newest of each replica counts, what was told to go does not', () => {
    const failed = task('1', { state: 'failed', desired: 'shutdown', exitCode: 3, error: 'task: non-zero exit (3)' });
    const waiting = task('2', { state: 'ready', desired: 'ready' });
    expect(ids([failed, waiting])).toEqual(['2']);
    expect(ids([failed])).toEqual(['1']);
    expect(ids([task('1'), task('2', { slot: 2 })])).toEqual(['1', '2']);
    expect(ids([task('1', { desired: 'shutdown' })])).toEqual([]);
    expect(ids([task('1', { state: 'shutdown', desired: 'shutdown' })])).toEqual([]);
    expect(ids([task('1', { state: 'complete', desired: 'shutdown' })])).toEqual(['1']);
    expect(ids([task('1', { desired: 'remove' })])).toEqual([]);
  });

  test('what ended by itself is told with its reason, also where another runs in its place', () => {
    const tasks = [
      task('1', { state: 'failed', desired: 'shutdown', exitCode: 3, error: 'task: non-zero exit (3)' }),
      task('2', { state: 'complete', desired: 'shutdown' }),
      task('3', { state: 'rejected', desired: 'shutdown', error: 'No such image: web:3' }),
      task('4', { state: 'shutdown', desired: 'shutdown' }),
      task('5'),
    ];
    expect(endedTasks(tasks).map(({ id, how }) => [id, how])).toEqual([
      ['1', 'task: non-zero exit (3)'],
      ['2', 'complete, exit code 0'],
      ['3', 'No such image: web:3'],
    ]);
  });

  test.each([
    [task('1'), { status: 'running', running: true, health: 'healthy' }],
    [task('1', { healthcheck: false }), { status: 'running', running: true, health: 'none' }],
    [task('1', { state: 'starting' }), { status: 'starting', running: false, health: 'starting' }],
    [
      task('1', { state: 'pending', error: 'no suitable node (insufficient resources on 1 node)' }),
      { status: 'pending: no suitable node (insufficient resources on 1 node)', running: false },
    ],
    [task('1', { state: 'failed', exitCode: 3 }), { status: 'exited', running: false, exitCode: 3 }],
    [task('1', { state: 'complete' }), { status: 'exited', running: false, exitCode: 0 }],
  ])('%#: in the words of a container', (given, expected) => {
    expect(containerOf(given, 'sha256:1')).toMatchObject({
      id: '1',
      name: 'web.1',
      imageId: 'sha256:1',
      configHash: 'h',
      ...expected,
    });
  });
});
