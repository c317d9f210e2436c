import { spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { listening } from './listening.js';

// One for each test file: they run side by side, and each takes its own away.
const TAG = `of-${process.pid}`;
const IMAGE = `ops-check-test:${TAG}`;
const SOCKET = /^unix:\/\/(.+)$/;

/** Containers of one test on the real engine that DOCKER_HOST names. */
export interface DockerScene {
  readonly host: string;
  readonly docker: Docker;
  /** A name that no other test has. */
  name(): string;
  /** Runs a container that does nothing; `healthy` gives it a health check, which wants the file /healthy. */
  run(
    name: string,
    options?: { healthy?: boolean; command?: string[]; restart?: boolean; labels?: Record<string, string> },
  ): Promise<Docker.Container>;
  /** Makes /healthy in a container, or takes it away. */
  setHealth(container: Docker.Container, well: boolean): Promise<void>;
  close(): Promise<void>;
}

/** Makes an image of the static busybox that lies on this machine: nothing is downloaded. */
export async function dockerScene(): Promise<DockerScene> {
  const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
  const docker = new Docker({ socketPath: SOCKET.exec(host)?.[1] ?? '/var/run/docker.sock' });
  await importBusybox(docker);
  const made: Docker.Container[] = [];
  let names = 0;
  return {
    host,
    docker,
    name() {
      names += 1;
      return `check-${process.pid}-${Date.now()}-${names}`;
    },
    async run(name, { healthy = false, command = ['sleep', '600'], restart = false, labels = {} } = {}) {
      const container = await docker.createContainer({
        name,
        Image: IMAGE,
        Cmd: ['/bin/busybox', ...command],
        StopTimeout: 0,
        Labels: labels,
        HostConfig: { NetworkMode: 'none', ...(restart ? { RestartPolicy: { Name: 'always' } } : {}) },
        ...(healthy
          ? {
              Healthcheck: {
                Test: ['CMD', '/bin/busybox', 'test', '-f', '/healthy'],
                Interval: 2e8,
                Timeout: 5e9,
                Retries: 2,
                StartPeriod: 6e10,
                StartInterval: 2e8,
              },
            }
          : {}),
      });
      made.push(container);
      await container.start();
      return container;
    },
    async setHealth(container, well) {
      const exec = await container.exec({ Cmd: ['/bin/busybox', ...(well ? ['touch', '/healthy'] : ['rm', '/healthy'])] });
      await exec.start({ Detach: true });
    },
    async close() {
      await Promise.all(made.map((container) => container.remove({ force: true }).catch(() => undefined)));
      await docker.getImage(IMAGE).remove({ force: true });
    },
  };
}

/** The engine behind an address of its own, which can be taken away and given back. */
export interface EngineProxy {
  readonly host: string;
  cut(): Promise<void>;
  mend(): Promise<void>;
}

export async function engineProxy(host: string): Promise<EngineProxy> {
  const path = SOCKET.exec(host)?.[1] ?? '/var/run/docker.sock';
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(path);
    for (const [from, to] of [
      [client, engine],
      [engine, client],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  const port = await listening(server);
  return {
    host: `tcp://127.0.0.1:${port}`,
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
    mend: () => new Promise((resolve) => server.listen(port, '127.0.0.1', resolve)),
  };
}

async function importBusybox(docker: Docker): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ops-busybox-'));
  try {
    await mkdir(join(folder, 'bin'));
    await copyFile('/bin/busybox', join(folder, 'bin/busybox'));
    const tar = spawn('tar', ['-C', folder, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const done = await docker.importImage(tar.stdout, { repo: 'ops-check-test', tag: TAG });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(done, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
