import { randomBytes } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type FaultProxy, faultProxy } from '@ops/shared/testing';
import { z } from 'zod';
import type { GatewayUnderTest } from '../contract/gateway-under-test.js';
import { GatewayProcess } from './gateway-process.js';

const added = z.object({ id: z.string() });

/** OpenClaw of 2026.6.11 or later: its jobs are commands, and need no model. */
export class RealModern implements GatewayUnderTest {
  readonly generation = 'modern';
  readonly token: string;
  readonly speed = 1;
  readonly proxy: FaultProxy;
  readonly #process: GatewayProcess;
  readonly #files = new Map<string, string>();

  private constructor(process: GatewayProcess, proxy: FaultProxy) {
    this.#process = process;
    this.token = process.token;
    this.proxy = proxy;
  }

  /** @param installed where `tools/openclaw.mjs` has put it */
  static async start(installed: string): Promise<RealModern> {
    const process = await GatewayProcess.start(installed);
    return new RealModern(process, await faultProxy({ port: process.port }));
  }

  /** A job that its schedule starts, which runs longer than it may. */
  async addOverlong(everyMs: number, firstAt: number): Promise<string> {
    return this.#add({
      name: 'overlong',
      schedule: { kind: 'every', everyMs, anchorMs: firstAt - everyMs },
      payload: { kind: 'command', argv: ['sleep', '60'], timeoutSeconds: 1 },
    });
  }

  async add({ name, enabled = true }: { readonly name: string; readonly enabled?: boolean }): Promise<string> {
    const { folder } = this.#process;
    const file = join(folder, 'ends', `${name}-${randomBytes(4).toString('hex')}`);
    // Until it is told how to end. It also ends when the test is gone, and after two minutes.
    const script = `n=0; while [ -d "${folder}" ] && [ ! -e "${file}" ] && [ $n -lt 2400 ]; do sleep 0.05; n=$((n+1)); done
      code=$(cat "${file}"); rm -f "${file}"; [ "$code" = 0 ] && echo done; exit "$code"`;
    const schedule = { kind: 'cron', expr: '0 4 1 1 *', tz: 'UTC' };
    const id = await this.#add({ name, enabled, schedule, payload: { kind: 'command', argv: ['sh', '-c', script] } });
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
    await this.#process.call('cron.run', { id: job, mode: 'force' });
  }

  async rename(job: string, name: string): Promise<void> {
    await this.#process.call('cron.update', { id: job, patch: { name } });
  }

  async remove(job: string): Promise<void> {
    await this.#process.call('cron.remove', { id: job });
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  startAgain(): Promise<void> {
    return this.#process.startAgain();
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.#process.close();
  }

  async #add(job: object): Promise<string> {
    const params = { sessionTarget: 'isolated', wakeMode: 'now', delivery: { mode: 'none' }, ...job };
    return added.parse(await this.#process.call('cron.add', params)).id;
  }
}
