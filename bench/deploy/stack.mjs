// A Compose project that our deployer looks after, in this process, on servers as `ops up` starts them.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { keys, STREAMS } from '../../packages/shared/dist/events/index.js';
import { recorder, testHost } from '../../packages/shared/dist/testing/index.js';
import { deploymentIdOf } from '../../services/deployer/dist/on/deploy-requested.js';
import { deployer } from '../../services/deployer/dist/wiring.js';

const TERMINAL = ['deploy.succeeded', 'deploy.rolled-back', 'deploy.failed', 'deploy.blocked', 'deploy.rejected'];
const timeOf = (data) => Date.parse(data.timestamp);

export class Stack {
  #servers;
  #host;
  #seen;
  #home;
  #health;

  /** @param health the inventory's checks by service; Docker's own where none is given */
  constructor(bench, name, health = {}) {
    this.project = `${bench.prefix}-${name}`;
    this.folder = join(bench.folder, name);
    this.#home = join(bench.folder, `${name}-home`);
    this.#servers = bench.servers;
    this.#health = health;
  }

  /** Deploys a first version, then looks after it with these settings of `deploy`. */
  async open(services, settings) {
    for (const folder of [this.folder, this.#home]) await mkdir(folder, { recursive: true });
    await this.write(services);
    await this.#start(services, { ...settings, watch: { ...settings.watch, for: '0s' } });
    const first = await this.deploy();
    if (first.type !== 'deploy.succeeded') throw new Error(`the first version: ${first.why}`);
    await this.stop();
    await this.#start(services, settings);
  }

  async #start(services, deploy) {
    const inventory = Object.keys(services).map((name) => ({
      name,
      health: this.#health[name] ?? { docker: { container: `${this.project}-${name}-1` } },
      compose: { project: this.folder, service: name },
    }));
    // JSON is YAML.
    const yaml = JSON.stringify({ inventory: { services: inventory }, deploy });
    this.#host = await testHost([deployer], {
      yaml,
      home: this.#home,
      dockerHost: process.env.DOCKER_HOST,
      servers: this.#servers,
    });
    this.#seen = await recorder(this.#host.redisUrl, [STREAMS.deploys]);
    // What the scaler writes when the guard is at normal.
    const gate = { level: 'normal', deployments: 'allowed', maintenance: 'allowed', reason: 'normal', generation: '1' };
    await this.#host.redis.hset(keys.guardGate, { ...gate, since: new Date().toISOString() });
  }

  /** Writes the Compose file. */
  async write(services) {
    await writeFile(join(this.folder, 'compose.yaml'), JSON.stringify({ name: this.project, services }));
  }

  /** Asks for a deployment of the project, as Nucleus does, and waits for its end. */
  async deploy(within = 120_000) {
    const asked = Date.now();
    const data = JSON.stringify({ kind: 'compose', project: this.folder });
    const entry = await this.#host.redis.xadd(STREAMS.deploys, '*', 'type', 'deploy.requested', 'data', data);
    const id = deploymentIdOf({ source: STREAMS.deploys, id: String(entry) });
    const ofThis = ({ event }) => event?.data?.deployment_id === id;
    const { event } = await this.#seen.waitFor((one) => ofThis(one) && TERMINAL.includes(one.event.type), { within });
    const all = this.#seen.events.filter(ofThis).map((one) => one.event);
    const steps = all.filter(({ type }) => type === 'deploy.step-finished').map(({ data }) => ({ ...data, at: timeOf(data) }));
    const started = all.find(({ type }) => type === 'deploy.started')?.data;
    return {
      asked,
      type: event.type,
      why: JSON.stringify(event.data),
      ended: timeOf(event.data),
      started: started === undefined ? undefined : timeOf(started),
      steps: Object.fromEntries(steps.map((step) => [step.step, step])),
      failed: steps.find(({ outcome }) => outcome === 'failed'),
    };
  }

  /** Ends the deployer; the containers stay. */
  async stop() {
    await this.#seen?.close();
    await this.#host?.close();
    this.#seen = undefined;
    this.#host = undefined;
  }
}

/** A deployment that must be taken back because of one of these steps; throws with what happened instead. */
export async function takenBack(stack, ...steps) {
  const done = await stack.deploy();
  if (done.type === 'deploy.rolled-back' && steps.includes(done.failed?.step)) return done;
  throw new Error(`expected a failed ${steps.join(' or ')} and the way back: ${done.type}: ${done.why}`);
}
