import { eventually } from '@ops/shared/testing';
import { expect } from 'vitest';
import type { RunReport } from '../../../src/cron-types.js';
import { OpenClawSource } from '../../../src/sources/openclaw/openclaw-source.js';
import type { RunningRun } from '../../../src/sources/source.js';
import { fastClock } from '../fast-clock.js';
import { Told } from '../told.js';
import type { GatewayUnderTest } from './gateway-under-test.js';

/** A gateway, and a source that is connected to it; both are there while a test runs. */
export class Rig {
  readonly jobs: string[] = [];
  /** For how long a condition is waited for, ms. */
  readonly within: number;
  told = new Told();
  #gateway: GatewayUnderTest | undefined;
  #source: OpenClawSource | undefined;

  constructor(within: number) {
    this.within = within;
  }

  /** Before all tests. */
  begin(gateway: GatewayUnderTest): void {
    this.#gateway = gateway;
    process.env.TEST_CONTRACT_TOKEN = gateway.token;
    process.env.TEST_CONTRACT_WRONG = 'canary-wrong-token-0815';
  }

  get gateway(): GatewayUnderTest {
    return given(this.#gateway);
  }

  get source(): OpenClawSource {
    return given(this.#source);
  }

  /** Before each test. */
  async connect(): Promise<void> {
    this.told = new Told();
    this.#source = this.open();
    this.source.open(this.told);
    await this.soon(() => expect(this.source.state.kind).toBe('connected'));
  }

  /** After each test: its jobs are ended and removed, and the source is closed. */
  async clear(): Promise<void> {
    for (const job of this.jobs.splice(0)) {
      await this.gateway.finish(job, 'well');
      await this.gateway.remove(job);
    }
    await this.source.close();
  }

  open(given: Partial<{ token_env: string }> = {}): OpenClawSource {
    const url = `ws://127.0.0.1:${this.gateway.proxy.port}`;
    const options = { name: 'openclaw', url, token_env: 'TEST_CONTRACT_TOKEN', ...given };
    return new OpenClawSource(options, fastClock(this.gateway.speed));
  }

  soon<T>(assertion: () => T | Promise<T>): Promise<T> {
    return eventually(assertion, { within: this.within });
  }

  async add(name: string, enabled = true): Promise<string> {
    const job = await this.gateway.add({ name, enabled });
    this.jobs.push(job);
    return job;
  }

  began(job: string): Promise<void> {
    return this.soon(() => expect(this.told.begun.findLast((run) => run.job === job)).toBeDefined());
  }

  async isRunning(job: string): Promise<RunningRun | undefined> {
    return (await this.source.running()).find((run) => run.job === job);
  }

  async start(job: string): Promise<RunningRun> {
    const before = this.told.begun.length;
    expect((await this.source.start(job)).kind).toBe('started');
    return this.soon(() => {
      const run = this.told.begun.slice(before).find((one) => one.job === job);
      if (run === undefined) throw new Error(`${job} has not begun`);
      return { job, started_at: run.started_at };
    });
  }

  ended(run: RunningRun): Promise<RunReport> {
    return this.soon(() => {
      const report = this.told.reports.find((one) => one.job === run.job && one.started_at === run.started_at);
      if (report === undefined) throw new Error(`${run.job} has not ended`);
      return report;
    });
  }
}

function given<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the rig is not set up');
  return value;
}
