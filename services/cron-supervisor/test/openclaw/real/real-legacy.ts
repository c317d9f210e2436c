import { randomBytes } from 'node:crypto';
import { type FaultProxy, faultProxy } from '@ops/shared/testing';
import { z } from 'zod';
import type { GatewayUnderTest } from '../contract/gateway-under-test.js';
import { FakeModel } from './fake-model.js';
import { GatewayProcess } from './gateway-process.js';

const added = z.object({ id: z.string() });

/** OpenClaw 2026.2.2-3: it has no commands, so its jobs ask a model, which answers when a run is to end. */
export class RealLegacy implements GatewayUnderTest {
  readonly generation = 'legacy';
  readonly token: string;
  readonly speed = 1;
  readonly proxy: FaultProxy;
  readonly #process: GatewayProcess;
  readonly #model: FakeModel;
  readonly #words = new Map<string, string>();

  private constructor(process: GatewayProcess, proxy: FaultProxy, model: FakeModel) {
    this.#process = process;
    this.token = process.token;
    this.proxy = proxy;
    this.#model = model;
  }

  static async start(installed: string): Promise<RealLegacy> {
    const model = await FakeModel.start();
    const cost = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
    const echo = { id: 'echo', name: 'echo', reasoning: false, input: ['text'], cost, contextWindow: 128_000, maxTokens: 4096 };
    const fake = { baseUrl: model.url, apiKey: 'x', api: 'openai-completions', models: [echo] };
    const process = await GatewayProcess.start(installed, { models: { providers: { fake } } });
    return new RealLegacy(process, await faultProxy({ port: process.port }), model);
  }

  async add({ name, enabled = true }: { readonly name: string; readonly enabled?: boolean }): Promise<string> {
    const word = `JOB-${randomBytes(6).toString('hex')}`;
    const { id } = added.parse(
      await this.#process.call('cron.add', {
        name,
        enabled,
        schedule: { kind: 'cron', expr: '0 4 1 1 *', tz: 'UTC' },
        sessionTarget: 'isolated',
        wakeMode: 'now',
        payload: { kind: 'agentTurn', message: `${word} please`, deliver: false },
      }),
    );
    this.#words.set(id, word);
    return id;
  }

  async finish(job: string, how: 'well' | 'badly'): Promise<void> {
    const word = this.#words.get(job);
    if (word !== undefined) this.#model.answer(word, how === 'well' ? 'done' : undefined);
  }

  async startElsewhere(job: string): Promise<void> {
    // Answered when the run has ended.
    this.#process.call('cron.run', { id: job, mode: 'force' }).catch(() => undefined);
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
    await this.#model.close();
  }
}
