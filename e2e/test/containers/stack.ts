import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { execa } from 'execa';

/** The root of this checkout. */
export const checkout = resolve(import.meta.dirname, '..', '..', '..');

/** The containers of docker-compose.yml as a project of their own, beside whatever else runs on the engine. */
export interface Stack {
  readonly secrets: string;
  readonly ports: Readonly<Record<'redis' | 'postgres' | 'monitor' | 'scaler' | 'incident', number>>;
  /** Starts everything and waits until it is healthy; rejects with what the containers said. */
  up(): Promise<void>;
  /** Runs `docker compose` on the project. */
  compose(...args: string[]): Promise<string>;
  /** What `docker inspect` tells of the container of each service, stopped ones included. */
  inspect(): Promise<Record<string, Inspected>>;
  /** Ends it and deletes its volumes. */
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

export interface StackOptions {
  readonly scratch: string;
  readonly project: string;
  readonly images: { readonly ops: string; readonly redis: string; readonly postgres: string };
  /** The ops.yaml of the services. */
  readonly config: string;
  /** The name of the host in events. */
  readonly host: string;
}

/** Chooses free ports, makes the secrets with the script that an operator runs, and gives the commands. Nothing is started. */
export async function openStack({ scratch, project, images, config, host }: StackOptions): Promise<Stack> {
  const secrets = join(scratch, 'secrets');
  const names = ['redis', 'postgres', 'monitor', 'scaler', 'incident'] as const;
  const numbers = await freePorts(names.length);
  const ports = Object.fromEntries(names.map((name, index) => [name, numbers[index] ?? 0])) as Stack['ports'];
  const env = {
    ...Object.fromEntries(names.map((name) => [`OPS_${name.toUpperCase()}_PORT`, String(ports[name])])),
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
    secrets,
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
    remove: async () => void (await compose('down', '--volumes', '--timeout', '5')),
  };
}

/** Builds the image of the services from a context that is a built workspace: the Dockerfile's `prebuilt` path. */
export async function buildImage(name: string, context: string, nodeImage: string): Promise<void> {
  // Through Compose, which brings a builder of its own: an engine's old one would run the stages that nothing needs too.
  const args = { NODE_IMAGE: nodeImage, WORKSPACE: 'prebuilt' };
  const file = { services: { ops: { image: name, build: { context, dockerfile: join(checkout, 'Dockerfile'), args } } } };
  await execa('docker', ['compose', '--project-name', 'ops-image-build', '--file', '-', 'build'], {
    input: JSON.stringify(file),
    all: true,
  });
}

// All are held at once: one after the other, the kernel could give the same one twice.
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return ports;
}
