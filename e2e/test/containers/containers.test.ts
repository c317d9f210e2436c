import { readdir, readFile } from 'node:fs/promises';
import { keys, STREAMS, type StreamName } from '@ops/shared/events';
import { listDeadLetters, retryDeadLetter } from '@ops/shared/streams';
import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BusUsers } from './bus-users.js';
import { openStack, type Stack } from './stack.js';

const SERVICES = ['monitor', 'scaler', 'incident', 'cron-supervisor'] as const;
const EVERYBODY = ['cron-supervisor', 'incident', 'monitor', 'postgres', 'redis', 'scaler'];
const HOST = 'container-test';

describe.skipIf(process.env.OPS_TEST_DOCKER !== '1')('docker-compose.yml on a real engine', () => {
  let stack: Stack;
  const bus = new BusUsers((user) =>
    user === 'stranger' ? Promise.resolve(`redis://127.0.0.1:${stack.ports.redis}`) : stack.secret(`redis-url-${user}`),
  );
  const has = (stream: StreamName, type: string, facts: Record<string, unknown>) =>
    eventually(async () =>
      expect(await bus.events(stream)).toContainEqual(expect.objectContaining({ type, data: expect.objectContaining(facts) })),
    );

  beforeAll(async () => {
    stack = await openStack(HOST);
    await stack.up();
  }, 120_000);

  afterAll(async () => {
    await bus.close();
    await stack?.remove();
  }, 60_000);

  it('starts everything, healthy, and every service says ready at its published port', async () => {
    const containers = await stack.inspect();
    expect(Object.keys(containers).sort()).toEqual(EVERYBODY);
    for (const name of EVERYBODY) expect([name, containers[name]?.State.Health?.Status]).toEqual([name, 'healthy']);
    for (const service of SERVICES) {
      const response = await fetch(`http://127.0.0.1:${stack.ports[service]}/readyz`);
      const answer = [service, response.status, await response.json()];
      expect(answer).toEqual([service, 200, { status: 'ready', missing: { [service]: [] } }]);
    }
  });

  it('gives no container more than it needs', async () => {
    for (const [name, { Config, HostConfig }] of Object.entries(await stack.inspect())) {
      const { ReadonlyRootfs, CapDrop, CapAdd, Init, Privileged, SecurityOpt, PidsLimit, Memory, NanoCpus } = HostConfig;
      expect({ name, user: Config.User, ReadonlyRootfs, CapDrop, CapAdd, Init, Privileged }).toEqual({
        name,
        user: ['redis', 'postgres'].includes(name) ? name : '10001:10001',
        ReadonlyRootfs: true,
        CapDrop: ['ALL'],
        CapAdd: null,
        Init: true,
        Privileged: false,
      });
      expect(SecurityOpt, name).toContain('no-new-privileges:true');
      expect(PidsLimit, name).toBeGreaterThan(0);
      // A limit of the monitor's own would be what its sampler measures.
      expect([name, Memory > 0, NanoCpus > 0]).toEqual([name, name !== 'monitor', name !== 'monitor']);
      for (const bindings of Object.values(HostConfig.PortBindings))
        expect([name, bindings.map(({ HostIp }) => HostIp)]).toEqual([name, ['127.0.0.1']]);
    }
  });

  it('inside 512 MB and half a CPU, at 87 % and throttled, the guard reads CRITICAL of the container, systeminformation the host', async () => {
    const script = await readFile(new URL('./limited-container.mjs', import.meta.url), 'utf8');
    const limits = ['--memory', '512m', '--memory-swap', '512m', '--cpus', '0.5', '--network', 'none'];
    const run = ['run', '--rm', '--interactive', ...limits, '--entrypoint', 'node', stack.image, '--input-type=module', '-'];
    const { stdout } = await execa('docker', run, { input: script });
    const seen = JSON.parse(stdout);
    expect(seen.scope).toMatchObject({ kind: 'container', cpus: 0.5, memoryBytes: 536_870_912 });
    expect(seen.levels).toMatchObject({ cpu: 'critical', ram: 'critical' });
    expect(seen.level).toBe('critical');
    expect(seen.ramPercent).toBeGreaterThanOrEqual(85);
    expect(seen.cpuThrottledPercent).toBeGreaterThan(90);
    // Of the host, whatever binds us; how busy that is depends on what else it does.
    expect(seen.systeminformation.ram).toBeLessThan(75);
  });

  it('asks for the token where a service listens on more than loopback', async () => {
    const address = `http://127.0.0.1:${stack.ports.incident}/incidents`;
    expect((await fetch(address)).status).toBe(401);
    const authorization = `Bearer ${await stack.secret('ops-token')}`;
    expect((await fetch(address, { headers: { authorization } })).status).toBe(200);
  });

  it('shows the monitor the host, and not its own container', async () => {
    const memory = /MemTotal:\s+(\d+) kB/.exec(await readFile('/proc/meminfo', 'utf8'))?.[1];
    const scope = expect.objectContaining({ kind: 'host', memory_bytes: Number(memory) * 1024 });
    await has(STREAMS.guard, 'guard.sampled', { host: HOST, scope });
  });

  it('answers a flat guard report of an outside producer by the protocol', async () => {
    const producer = await bus.client('producer');
    const last_sample = { cpu_percent: 97, ram_percent: 50, timestamp: Date.now() / 1000 };
    const data = JSON.stringify({ level: 'emergency', last_sample });
    await producer.xadd(STREAMS.guard, '*', 'type', 'guard.reported', 'data', data);
    await has(STREAMS.guard, 'guard.level-changed', { host: HOST, level: 'emergency' });
    for (const target of ['kimi-swarm', 'nucleus', 'model-router']) await has(STREAMS.directives, 'directive.issued', { target });
    await has(STREAMS.incidents, 'incident.opened', { kind: 'guard', about: HOST, severity: 'emergency' });
    const limits = await (await bus.client('reader')).hgetall(keys.swarmLimits('kimi'));
    expect(limits).toMatchObject({ max_agents: '50' });
    // A job of the scaler's queue: nobody acknowledges here.
    await has(STREAMS.directives, 'directive.expired', {});
    expect(await bus.deadLetters()).toEqual([]);
  });

  it('supervises a job that pings it, and what it says of a failure reaches the incidents', async () => {
    const address = `http://127.0.0.1:${stack.ports['cron-supervisor']}`;
    const headers = { authorization: `Bearer ${await stack.secret('ops-token')}`, 'content-type': 'application/json' };
    const post = (path: string, body: object) =>
      fetch(`${address}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
    expect((await post('/cron/jobs', { id: 'nightly', schedule: 'every 1h' })).status).toBe(201);
    expect((await post('/ping/nightly/3', {})).status).toBe(200);
    await has(STREAMS.cron, 'cron.run-failed', { job_id: 'heartbeat/nightly', final: true });
    await has(STREAMS.alerts, 'alert.raised', { service: 'heartbeat/nightly', metric: 'cron-result' });
    await has(STREAMS.incidents, 'incident.opened', { about: 'heartbeat/nightly/cron-result' });
  });

  it('lets a producer write inbound streams and nothing else, and a reader write nothing', async () => {
    const [producer, reader, stranger] = [await bus.client('producer'), await bus.client('reader'), await bus.client('stranger')];
    const refused = [
      producer.xrange(STREAMS.guard, '-', '+'),
      producer.xread('STREAMS', STREAMS.guard, '0'),
      producer.xadd(STREAMS.incidents, '*', 'type', 'incident.opened', 'data', '{}'),
      producer.del(STREAMS.guard),
      producer.xdel(STREAMS.guard, '0-1'),
      producer.xtrim(STREAMS.guard, 'MAXLEN', 0),
      producer.get(keys.statusCurrent),
      producer.keys('*'),
      producer.eval('return redis.call("DEL", KEYS[1])', 1, STREAMS.guard),
      producer.flushall(),
      reader.xadd(STREAMS.guard, '*', 'type', 'guard.reported', 'data', '{}'),
      reader.set(keys.statusCurrent, '{}'),
      reader.del(STREAMS.guard),
    ];
    for (const outcome of await Promise.allSettled(refused))
      expect(outcome).toMatchObject({ status: 'rejected', reason: { message: expect.stringMatching(/^NOPERM/) } });
    await expect(stranger.xadd(STREAMS.guard, '*', 'type', 'guard.reported', 'data', '{}')).rejects.toThrow('NOAUTH');
  });

  it('keeps what Redis accepted when Redis is killed, transactions too', async () => {
    const producer = await bus.client('producer');
    const written = await producer.multi().xadd(STREAMS.directives, '*', 'type', 'unknown.thing', 'data', '{}').exec();
    const id = String(written?.[0]?.[1]);
    const limits = await (await bus.client('reader')).hgetall(keys.swarmLimits('kimi'));
    await stack.compose('kill', 'redis');
    await stack.up();
    const reader = await bus.client('reader');
    expect(await reader.xrange(STREAMS.directives, id, id)).toHaveLength(1);
    expect(await reader.hgetall(keys.swarmLimits('kimi'))).toEqual(limits);
    // Read, refused and put aside by a service that has found its way back.
    const dead = () => listDeadLetters(reader, STREAMS.directives);
    await eventually(async () => expect(await dead()).toHaveLength(1), { within: 20_000 });
    // The operator's rights are enough to send it round again.
    const { deadId = '' } = (await dead())[0] ?? {};
    expect(await retryDeadLetter(await bus.client('operator'), STREAMS.directives, deadId)).toBeDefined();
    expect((await dead()).map((letter) => letter.deadId)).not.toContain(deadId);
  });

  it('stops in order within its grace, and shows no secret', async () => {
    await bus.close();
    const names = (await readdir(stack.secrets)).filter((name) => /password|token|url/.test(name));
    expect(names.length).toBeGreaterThan(10);
    const values = await Promise.all(names.map((name) => stack.secret(name)));
    const begin = performance.now();
    await stack.compose('stop');
    // The grace of a service: past it the engine kills, and the exit code is 137.
    expect(performance.now() - begin).toBeLessThan(30_000);
    const containers = await stack.inspect();
    for (const name of EVERYBODY)
      expect([name, containers[name]?.State]).toMatchObject([name, { Status: 'exited', ExitCode: 0 }]);
    const logs = await stack.compose('logs', '--no-color');
    const history = await execa('docker', ['history', '--no-trunc', stack.image]);
    for (const text of [logs, history.stdout, await stack.compose('config'), JSON.stringify(containers)]) {
      expect(text.length).toBeGreaterThan(500);
      for (const value of values) expect(text.includes(value)).toBe(false);
    }
    // Every rule that the services need is there: none of them met a refusal.
    expect(logs.split('\n').filter((line) => line.includes('NOPERM'))).toEqual([]);
  });
});
