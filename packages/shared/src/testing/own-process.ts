import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface OwnProcessOptions {
  /** The service's program: its `dist/main.js`. */
  readonly main: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly config: string;
  readonly home: string;
  readonly port: number;
  /** A command that becomes it, such as one that puts it into a control group. */
  readonly through?: readonly string[];
  /** What its environment has beside that. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** The token of a service that is a process of its own. */
export const OWN_PROCESS_TOKEN = 'a-token-of-a-test';

/** A service as a process of its own, that can be killed. */
export class OwnProcess {
  readonly child: ChildProcess;
  readonly log: string[] = [];
  readonly #ended: Promise<unknown>;
  #asked = false;

  constructor({ main, redisUrl, databaseUrl, config, home, port, through = [], env: more = {} }: OwnProcessOptions) {
    const { PATH, HOME, TMPDIR, OPS_TEST_RUN } = process.env;
    const env = {
      PATH,
      HOME,
      TMPDIR,
      OPS_TEST_RUN,
      REDIS_URL: redisUrl,
      DATABASE_URL: databaseUrl,
      OPS_TOKEN: OWN_PROCESS_TOKEN,
      OPS_CONFIG: config,
      OPS_HOME: home,
      OPS_PORT: String(port),
      OPS_HOST: 'test-host',
      ...more,
    };
    const [program = process.execPath, ...args] = [...through, process.execPath, main];
    this.child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.child, 'exit');
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (bytes: Buffer) => this.log.push(bytes.toString()));
  }

  /** Rejects, with its last words, when it ends without being asked to. */
  get died(): Promise<never> {
    return this.#ended.then(() => {
      if (this.#asked) return new Promise<never>(() => undefined);
      throw new Error(`the service ended by itself:\n${this.log.slice(-5).join('')}`);
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
