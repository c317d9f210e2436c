import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type EventData, type EventType, keys, type Level, STREAMS } from '@ops/shared/events';
import { type Recorded, type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { execa } from 'execa';
import { stringify } from 'yaml';
import { deploymentIdOf } from '../src/on/deploy-requested.js';
import { deployer } from '../src/wiring.js';
import { docker, dockerHost } from './engine.js';

const TERMINAL = ['deploy.succeeded', 'deploy.rolled-back', 'deploy.failed', 'deploy.blocked', 'deploy.rejected'];

/** Short times: what is 60 s and 5 min for an operator. */
export const QUICK = {
  verify: { within: '10s', healthy_for: '300ms' },
  watch: { for: '1s', failures: 3, every: '200ms' },
  defer: { every: '200ms', give_up_after: '1m' },
  guard_unknown_for: '1s',
  min_free_disk: 0,
};

export interface SceneOptions {
  /** Compose services of the project, as in a Compose file. */
  readonly services: Readonly<Record<string, object>>;
  /** Checks of the inventory, by Compose service; `docker` of its container where none is given. */
  readonly health?: Readonly<Record<string, object>>;
  readonly more?: Readonly<Record<string, object>>;
  readonly deploy?: object;
  /** Another engine than that of the tests. */
  readonly dockerHost?: string;
  /** Further top-level keys of ops.yaml. */
  readonly settings?: object;
}

export interface Ended {
  readonly type: string;
  /** All of it as a text, for a failed expectation. */
  readonly why: string;
  readonly data: Record<string, unknown>;
}

/** One Compose project on a real engine, with a deployer that looks after it. */
export class Scene {
  readonly project = `ops-scene-${randomBytes(4).toString('hex')}`;
  readonly folder: string;
  readonly home: string;
  readonly yaml: string;
  readonly #dockerHost: string | undefined;
  host!: TestHost;
  seen!: Recorder;

  private constructor(folder: string, options: SceneOptions) {
    const { services, health = {}, more = {}, deploy = {}, settings = {} } = options;
    this.#dockerHost = options.dockerHost ?? dockerHost;
    this.folder = join(folder, 'project');
    this.home = join(folder, 'home');
    const inventory = Object.keys(services).map((name) => ({
      name,
      health: health[name] ?? { docker: { container: `${this.project}-${name}-1` } },
      compose: { project: this.folder, service: name },
      interval: '1s',
      timeout: '1s',
      ...more[name],
    }));
    this.yaml = stringify({ inventory: { services: inventory }, deploy: { ...QUICK, ...deploy }, ...settings });
  }

  static async open(options: SceneOptions): Promise<Scene> {
    const scene = new Scene(await mkdtemp(join(tmpdir(), 'ops-scene-')), options);
    await mkdir(scene.folder);
    await mkdir(scene.home);
    await scene.compose(options.services);
    await scene.start();
    return scene;
  }

  /** Starts the deployer, with the guard at normal. */
  async start(servers?: Pick<TestHost, 'redisUrl' | 'databaseUrl'>): Promise<void> {
    const given = servers === undefined ? {} : { servers };
    this.host = await testHost([deployer], { yaml: this.yaml, home: this.home, dockerHost: this.#dockerHost, ...given });
    this.seen = await recorder(this.host.redisUrl, ['ops:deploys', 'ops:security']);
    await this.guard('normal');
  }

  /** Writes the Compose file. */
  async compose(services: SceneOptions['services'], more: object = {}): Promise<void> {
    await this.file('compose.yaml', stringify({ name: this.project, services, ...more }));
  }

  async file(name: string, text: string): Promise<void> {
    await mkdir(dirname(join(this.folder, name)), { recursive: true });
    await writeFile(join(this.folder, name), text);
  }

  /** Sets what the scaler writes when the guard's level changes. */
  async guard(level: Level): Promise<void> {
    const deployments = level === 'critical' ? 'deferred' : level === 'normal' || level === 'warn' ? 'allowed' : 'blocked';
    const since = new Date().toISOString();
    await this.host.redis.hset(keys.guardGate, {
      level,
      deployments,
      maintenance: 'allowed',
      reason: 'a test',
      since,
      generation: '1',
    });
  }

  /** Asks as Nucleus does: flat fields on the stream. Gives the deployment's id. */
  async ask(data: EventData<'deploy.requested'>, redis = this.host.redis): Promise<string> {
    const entry = await redis.xadd(STREAMS.deploys, '*', 'type', 'deploy.requested', 'data', JSON.stringify(data));
    return deploymentIdOf({ source: STREAMS.deploys, id: String(entry) });
  }

  /** Asks for a deployment; gives its id. */
  async request(data: EventData<'deploy.requested'>): Promise<string> {
    const authorization = `Bearer ${this.host.token}`;
    const headers = { authorization, 'content-type': 'application/json' };
    const response = await fetch(`${this.host.hosted.address}/deployments`, {
      method: 'POST',
      headers,
      body: JSON.stringify(data),
    });
    return ((await response.json()) as { deployment_id: string }).deployment_id;
  }

  /** Calls the deployer with the instance's own token, or another one. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    token = this.host.token,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.host.hosted.address}${path}`, { method, headers, ...sent });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Asks for a deployment and waits for its end. */
  async deploy(data: EventData<'deploy.requested'>, within = 30_000): Promise<Ended> {
    return this.ending(await this.request(data), within);
  }

  async ending(id: string, within = 30_000): Promise<Ended> {
    const fits = (entry: Recorded) => TERMINAL.includes(String(entry.event?.type)) && dataOf(entry).deployment_id === id;
    const { event } = await this.seen.waitFor(fits, { within }).catch((cause: unknown) => {
      throw new Error(`deployment ${id} has not ended; the log:\n${this.lastWords()}`, { cause });
    });
    return { type: String(event?.type), why: JSON.stringify(event?.data), data: event?.data as Record<string, unknown> };
  }

  /** The last lines of the log, short. */
  lastWords(): string {
    const short = (line: string) => {
      const { level, msg, error } = JSON.parse(line) as { level: string; msg: string; error?: { message?: string } };
      return `  ${level} ${msg} ${error?.message ?? ''}`;
    };
    return this.host.log.slice(-15).map(short).join('\n');
  }

  async waitFor(type: EventType, id: string, facts: object = {}, within = 20_000): Promise<Record<string, unknown>> {
    const fits = (entry: Recorded) =>
      entry.event?.type === type &&
      dataOf(entry).deployment_id === id &&
      Object.entries(facts).every(([name, value]) => dataOf(entry)[name] === value);
    return dataOf(await this.seen.waitFor(fits, { within }));
  }

  /** Every event of a deployment so far, as `type` or `type step outcome`. */
  story(id: string): string[] {
    return this.seen.events
      .filter((entry) => dataOf(entry).deployment_id === id)
      .map((entry) => {
        const { step, outcome } = dataOf(entry);
        return [entry.event?.type, step, outcome].filter((word) => typeof word === 'string').join(' ');
      });
  }

  /** What `docker inspect` tells of every container of the project, by name. */
  async containers(): Promise<Record<string, Inspected>> {
    const ids = (await docker('ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${this.project}`))
      .split('\n')
      .filter(Boolean);
    if (ids.length === 0) return {};
    const found = JSON.parse(await docker('inspect', ...ids)) as Inspected[];
    return Object.fromEntries(found.map((one) => [one.Name.slice(1), one]));
  }

  /** The engine's word on every container of the project that was created since (epoch seconds). */
  async created(since: number): Promise<string[]> {
    const filters = [
      '--filter',
      `label=com.docker.compose.project=${this.project}`,
      '--filter',
      'event=create',
      '--filter',
      'type=container',
    ];
    const until = (Date.now() / 1000).toFixed(3);
    return (await docker('events', '--since', since.toFixed(3), '--until', until, ...filters)).split('\n').filter(Boolean);
  }

  async close(): Promise<void> {
    await this.seen?.close();
    await this.host?.close();
    const ids = Object.values(await this.containers()).map(({ Id }) => Id);
    if (ids.length > 0) await docker('rm', '--force', '--volumes', ...ids);
    await execa('docker', ['network', 'rm', `${this.project}_default`], { reject: false });
    const kept = await docker(
      'image',
      'ls',
      '--format',
      '{{.Repository}}:{{.Tag}}',
      '--filter',
      `reference=ops-keep/${this.project}/*`,
    );
    for (const name of kept.split('\n').filter(Boolean))
      await execa('docker', ['image', 'rm', '--force', name], { reject: false });
    await rm(dirname(this.folder), { recursive: true, force: true });
  }
}

export interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly Image: string;
  readonly State: { readonly Status: string; readonly Running: boolean; readonly StartedAt: string; readonly FinishedAt: string };
  readonly Config: { readonly Env: readonly string[]; readonly Labels: Readonly<Record<string, string>>; readonly Image: string };
  readonly HostConfig: { readonly PortBindings: unknown; readonly RestartPolicy: unknown };
}

function dataOf(entry: Recorded): Record<string, unknown> {
  return (entry.event?.data ?? {}) as Record<string, unknown>;
}
