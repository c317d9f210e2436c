import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { dockerHost } from './engine.js';

const MAIN = resolve(import.meta.dirname, '..', 'dist', 'main.js');

export interface OwnProcessOptions {
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly config: string;
  readonly home: string;
  readonly port: number;
}

/** The deployer as a process of its own, that can be killed. */
export class OwnProcess {
  readonly child: ChildProcess;
  readonly log: string[] = [];
  readonly #ended: Promise<unknown>;
  #asked = false;

  constructor({ redisUrl, databaseUrl, config, home, port }: OwnProcessOptions) {
    const env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      TMPDIR: process.env.TMPDIR,
      DOCKER_HOST: dockerHost,
      DOCKER_CONFIG: process.env.DOCKER_CONFIG,
      OPS_TEST_RUN: process.env.OPS_TEST_RUN,
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
      OPS_TOKEN: 'a-token-of-a-test',
      OPS_CONFIG: config,
      OPS_HOME: home,
      OPS_PORT: String(port),
      OPS_HOST: 'test-host',
    };
    this.child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.child, 'exit');
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (bytes: Buffer) => this.log.push(bytes.toString()));
  }

  /** Rejects, with its last words, when it ends without being asked to. */
  get died(): Promise<never> {
    return this.#ended.then(() => {
      if (this.#asked) return new Promise<never>(() => undefined);
      throw new Error(`the deployer ended by itself:\n${this.log.slice(-5).join('')}`);
    });
  }

  /** kill -9, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.child.kill('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM, and waits. */
  async stop(): Promise<void> {
    this.#asked = true;
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGTERM');
    await this.#ended;
  }
}
