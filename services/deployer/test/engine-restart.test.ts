import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@ops/shared/testing';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

const isRoot = process.getuid?.() === 0;

/** An engine of this test's own, which may be stopped and started: without networks, so that it disturbs nobody. */
class OwnEngine {
  readonly host: string;
  readonly #folder: string;
  #daemon: ChildProcess | undefined;

  constructor(folder: string) {
    this.#folder = folder;
    this.host = `unix://${join(folder, 'docker.sock')}`;
  }

  async start(): Promise<void> {
    const at = (name: string) => join(this.#folder, name);
    const places = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('docker.pid'), '--host', this.host];
    // In a network of its own: without a bridge an engine takes away the one of its neighbour.
    this.#daemon = spawn('unshare', ['--net', 'dockerd', ...places, '--bridge=none', '--iptables=false', '--ip6tables=false'], {
      stdio: 'ignore',
    });
    await eventually(() => execa('docker', ['--host', this.host, 'version']), { within: 60_000, every: 200 });
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined || daemon.exitCode !== null) return;
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
  }
}

describe.skipIf(withoutEngine || !isRoot)('the engine is restarted in the middle', () => {
  const images = new TestImages();
  let folder: string;
  let engine: OwnEngine;
  let scene: Scene;
  const before = process.env.DOCKER_HOST;
  const version: Record<string, string> = {};
  const services = (which: string) => ({
    web: {
      image: version[which] ?? '',
      network_mode: 'none',
      restart: 'always',
      stop_grace_period: '2s',
      healthcheck: { test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/health'], interval: '500ms', retries: 3 },
    },
  });
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ops-own-engine-'));
    engine = new OwnEngine(folder);
    await engine.start();
    process.env.DOCKER_HOST = engine.host;
    version.one = await images.make('one', `ifconfig lo up 2>/dev/null; ${BEHAVIOUR.polite}`);
    version.two = await images.make('two', `ifconfig lo up 2>/dev/null; ${BEHAVIOUR.polite}`);
    scene = await Scene.open({
      services: services('one'),
      dockerHost: engine.host,
      deploy: { verify: { within: '30s', healthy_for: '300ms' }, watch: { for: '4s' } },
    });
    const first = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(first.type, first.why).toBe('deploy.succeeded');
  }, 90_000);
  afterAll(async () => {
    await scene?.close();
    await engine?.stop();
    process.env.DOCKER_HOST = before;
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }, 60_000);

  let current = 'one';
  test.each([
    ['when it has begun', 'deploy.started', {}],
    ['while it is verified', 'deploy.step-finished', { step: 'apply' }],
    ['while it is watched', 'deploy.step-finished', { step: 'verify' }],
  ] as const)(
    '%s: the verdict is true, and one version runs, whole',
    async (_when, type, facts) => {
      const next = current === 'one' ? 'two' : 'one';
      await scene.compose(services(next));
      const id = await scene.request({ kind: 'compose', service: 'web' });
      await scene.waitFor(type, id, facts);
      await engine.stop();
      await engine.start();
      const ended = await scene.ending(id, 60_000);
      expect(['deploy.succeeded', 'deploy.rolled-back'], ended.why).toContain(ended.type);
      if (ended.type === 'deploy.succeeded') current = next;
      const image = await images.id(version[current] ?? '');
      const containers = Object.values(await scene.containers());
      expect(containers.map(({ Name, Image, State }) => [Name, Image, State.Running])).toEqual([
        [`/${scene.project}-web-1`, image, true],
      ]);
    },
    120_000,
  );
});
