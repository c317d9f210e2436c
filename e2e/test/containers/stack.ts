import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@ops/shared/testing';
import { execa } from 'execa';
import { checkout, makeImages, removeImages } from './stack-images.js';

/** The containers of docker-compose.yml as a project of their own, beside whatever else runs on the engine. */
export interface Stack {
  /** The image of the services. */
  readonly image: string;
  /** The folder of the secrets, and one of them. */
  readonly secrets: string;
  secret(name: string): Promise<string>;
  readonly ports: Readonly<Record<(typeof PORTS)[number], number>>;
  /** Starts everything and waits until it is healthy; rejects with what the containers said. */
  up(): Promise<void>;
  /** Runs `docker compose` on the project. */
  compose(...args: string[]): Promise<string>;
  /** What `docker inspect` tells of the container of each service, stopped ones included. */
  inspect(): Promise<Record<string, Inspected>>;
  /** Ends it; deletes its volumes, its images and its files. */
  remove(): Promise<void>;
}

export interface Inspected {
  readonly State: { readonly Status: string; readonly ExitCode: number; readonly Health?: { readonly Status: string } };
  readonly Config: { readonly Env: readonly string[]; readonly User: string; readonly Labels: Readonly<Record<string, string>> };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly CapAdd: readonly string[] | null;
    readonly SecurityOpt: readonly string[];
    readonly Init: boolean;
    readonly Privileged: boolean;
    readonly Memory: number;
    readonly NanoCpus: number;
    readonly PidsLimit: number | null;
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[]>>;
  };
}

const PORTS = ['redis', 'postgres', 'monitor', 'scaler', 'incident', 'cron-supervisor'] as const;

/**
 * Makes the images, chooses free ports, makes the secrets with the script that an operator runs, and gives the commands.
 * Nothing is started. `host` is the name of the host in events.
 */
export async function openStack(host: string): Promise<Stack> {
  const project = `ops-e2e-${randomBytes(4).toString('hex')}`;
  const scratch = await mkdtemp(join(tmpdir(), 'ops-containers-'));
  const secrets = join(scratch, 'secrets');
  const config = await changedConfig(scratch);
  const images = await makeImages(scratch, project);
  const chosen: [string, number][] = [];
  for (const name of PORTS) chosen.push([name, await freePort()]);
  const ports = Object.fromEntries(chosen) as Stack['ports'];
  const env = {
    ...Object.fromEntries(
      PORTS.map((name) => [`OPS_${name.replace('-supervisor', '').toUpperCase()}_PORT`, String(ports[name])]),
    ),
    COMPOSE_PROJECT_NAME: project,
    OPS_SECRETS: secrets,
    OPS_IMAGE: images.ops,
    REDIS_IMAGE: images.redis,
    POSTGRES_IMAGE: images.postgres,
    OPS_CONFIG: config,
    OPS_HOST: host,
  };
  await execa(join(checkout, 'docker', 'make-secrets.sh'), [], { env });
  const compose = async (...args: string[]) =>
    (await execa('docker', ['compose', '--file', join(checkout, 'docker-compose.yml'), ...args], { env, all: true })).all;
  return {
    image: images.ops,
    secrets,
    secret: (name) => readFile(join(secrets, name), 'utf8'),
    ports,
    compose,
    async up() {
      try {
        await compose('up', '--no-build', '--detach', '--wait', '--wait-timeout', '60');
      } catch (cause) {
        throw new Error(`the containers did not start:\n${await compose('logs', '--no-color', '--tail', '30')}`, { cause });
      }
    },
    async inspect() {
      const ids = (await compose('ps', '--all', '--quiet')).split('\n').filter(Boolean);
      const found = JSON.parse((await execa('docker', ['inspect', ...ids])).stdout) as Inspected[];
      return Object.fromEntries(found.map((one) => [one.Config.Labels['com.docker.compose.service'] ?? '', one]));
    },
    async remove() {
      await compose('down', '--volumes', '--timeout', '5');
      await removeImages(images);
      await rm(scratch, { recursive: true, force: true });
    },
  };
}

// The load of the machine must not decide a test, and a directive must expire while it runs.
const CHANGES = { 'enter: 300ms, calm: 10s': 'enter: 10m, calm: 100ms', 'acknowledge_within: 60s': 'acknowledge_within: 1s' };

/** The shipped ops.yaml, but for these. */
async function changedConfig(scratch: string): Promise<string> {
  let text = await readFile(join(checkout, 'ops.yaml'), 'utf8');
  for (const [shipped, changed] of Object.entries(CHANGES)) {
    if (!text.includes(shipped)) throw new Error(`ops.yaml has no ${shipped} any more`);
    text = text.replace(shipped, changed);
  }
  const file = join(scratch, 'ops.yaml');
  await writeFile(file, text);
  return file;
}
