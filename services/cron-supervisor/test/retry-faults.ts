import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually, freePort, OwnProcess, ownRedis, testPostgres } from '@ops/shared/testing';
import { expect } from 'vitest';
import { FakeGateway } from './openclaw/fake/fake-gateway.js';

const MAIN = resolve(import.meta.dirname, '..', 'dist', 'main.js');
const TOKEN = 'the-token-of-the-gateway';
export const RETRY_AFTER_MS = 3000;

export type Victim = 'supervisor' | 'gateway' | 'redis';

export interface RetryOutcome {
  readonly jobs: number;
  readonly faults: number;
  /** Runs that each job began: 2 is the failure and its one retry. */
  readonly starts: readonly number[];
  /** From the failure to the beginning of the retry, ms. */
  readonly waits: readonly number[];
  /** How much later than it was due the retry began, or than everything was back where something was away then, ms. */
  readonly late: readonly number[];
}

/**
 * Lets jobs fail one after another while the supervisor, the gateway and Redis are killed and started again; then waits until each has
 * been retried, and a while longer for a retry too many.
 */
export async function retriesUnderFaults(
  generation: 'legacy' | 'modern',
  victims: readonly Victim[],
  {
    jobs,
    faults,
    random,
    retryAfter = RETRY_AFTER_MS,
  }: { jobs: number; faults: number; random: () => number; retryAfter?: number },
): Promise<RetryOutcome> {
  const rig = await Rig.open(generation, retryAfter);
  try {
    const ids = Array.from({ length: jobs }, (_, index) => rig.add(`job-${index}`));
    await rig.listed(ids);
    const failing = rig.failEach(ids, 250);
    for (let fault = 0; fault < faults; fault += 1) {
      await pause(300 + 1500 * random());
      await rig.hurt(victims[fault % victims.length] ?? 'supervisor', 200 + 1500 * random());
    }
    await failing;
    await eventually(() => expect(ids.map((id) => rig.startsOf(id).length).every((starts) => starts >= 2)).toBe(true), {
      within: retryAfter + 60_000,
    });
    // Whoever would start one too many does so now: the pause after a failure, and all the looks there are.
    await pause(Math.min(retryAfter, 10_000) + 4000);
    return {
      jobs,
      faults,
      starts: ids.map((id) => rig.startsOf(id).length),
      waits: ids.map((id) => rig.retriedAt(id) - (rig.failedAt.get(id) ?? Number.NaN)),
      late: ids.map((id) => rig.late(id)),
    };
  } finally {
    await rig.close();
  }
}

class Rig {
  readonly failedAt = new Map<string, number>();
  readonly #outages: { readonly from: number; until: number }[] = [];
  readonly #ended = new AbortController();
  readonly #starts = new Map<string, number[]>();
  readonly #gateway: FakeGateway;
  readonly #start: () => OwnProcess;
  readonly #redis: Awaited<ReturnType<typeof ownRedis>>;
  readonly #home: string;
  readonly #port: number;
  readonly #retryAfter: number;
  readonly #finishing: NodeJS.Timeout;
  #supervisor: OwnProcess;

  private constructor(
    gateway: FakeGateway,
    redis: Awaited<ReturnType<typeof ownRedis>>,
    home: string,
    port: number,
    start: () => OwnProcess,
    retryAfter: number,
  ) {
    this.#retryAfter = retryAfter;
    this.#gateway = gateway;
    this.#redis = redis;
    this.#home = home;
    this.#port = port;
    this.#start = start;
    this.#supervisor = start();
    const begin = gateway.store.begin.bind(gateway.store);
    gateway.store.begin = (job, ...rest) => {
      this.#starts.set(job.id, [...this.startsOf(job.id), Date.now()]);
      return begin(job, ...rest);
    };
    // What is retried does its work, after a moment.
    this.#finishing = setInterval(() => {
      for (const run of [...gateway.store.running.values()])
        if (this.startsOf(run.job.id).length > 1 && Date.now() - run.startedAt > 100)
          run.end({ kind: 'ok', summary: 'it has worked now' });
    }, 50);
  }

  static async open(generation: 'legacy' | 'modern', retryAfter: number): Promise<Rig> {
    const gateway = await FakeGateway.start(generation, TOKEN);
    const redis = await ownRedis({ durable: true });
    const home = await mkdtemp(join(tmpdir(), 'ops-cron-faults-'));
    const config = join(home, 'ops.yaml');
    const port = await freePort();
    const databaseUrl = await (await testPostgres()).fresh();
    await writeFile(
      config,
      `inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }
cron: { retry_after: ${retryAfter}ms, sources: [{ openclaw: { url: "${gateway.url}", token_env: OPENCLAW_TEST_TOKEN } }] }`,
    );
    const start = () =>
      new OwnProcess({ main: MAIN, redisUrl: redis.url, databaseUrl, config, home, port, env: { OPENCLAW_TEST_TOKEN: TOKEN } });
    return new Rig(gateway, redis, home, port, start, retryAfter);
  }

  add(name: string): string {
    return this.#gateway.add({ id: randomUUID(), name, state: { nextRunAtMs: Date.UTC(2027, 0, 1, 4) } }).id;
  }

  startsOf(id: string): number[] {
    return this.#starts.get(id) ?? [];
  }

  retriedAt(id: string): number {
    return this.startsOf(id)[1] ?? Number.NaN;
  }

  late(id: string): number {
    const began = this.retriedAt(id);
    let since = (this.failedAt.get(id) ?? Number.NaN) + this.#retryAfter;
    for (const { from, until } of this.#outages) if (from <= since && until > since) since = Math.min(until, began);
    return began - since;
  }

  async listed(ids: readonly string[]): Promise<void> {
    await eventually(
      async () => {
        const response = await fetch(`http://127.0.0.1:${this.#port}/cron/jobs`);
        const text = await response.text();
        expect(ids.filter((id) => !text.includes(id))).toEqual([]);
      },
      { within: 30_000 },
    );
  }

  async failEach(ids: readonly string[], everyMs: number): Promise<void> {
    for (const id of ids) {
      const run = this.#gateway.scheduled(id);
      await eventually(() => expect(this.#gateway.store.running.has(id) || this.startsOf(id).length > 0).toBe(true), {
        within: 20_000,
      });
      this.#gateway.finish(id, { kind: 'no-key' });
      this.failedAt.set(id, Date.now());
      await Promise.race([run, pause(1000)]);
      await pause(everyMs);
    }
  }

  async hurt(victim: Victim, awayMs: number): Promise<void> {
    const outage = { from: Date.now(), until: Number.POSITIVE_INFINITY };
    this.#outages.push(outage);
    await this.#kill(victim, awayMs);
    void this.#readyAgain().then((at) => {
      outage.until = at;
    });
  }

  // Another one may be killed meanwhile.
  async #readyAgain(): Promise<number> {
    while (!this.#ended.signal.aborted) {
      const response = await fetch(`http://127.0.0.1:${this.#port}/readyz`).catch(() => undefined);
      if (response?.ok === true) break;
      await pause(50);
    }
    return Date.now();
  }

  async #kill(victim: Victim, awayMs: number): Promise<void> {
    if (victim === 'supervisor') {
      await this.#supervisor.kill();
      this.#supervisor = this.#start();
    } else if (victim === 'gateway') {
      await this.#gateway.kill();
      await pause(awayMs);
      await this.#gateway.startAgain();
    } else {
      await this.#redis.kill();
      await pause(awayMs);
      await this.#redis.start();
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#finishing);
    this.#ended.abort();
    await this.#supervisor.stop();
    await this.#gateway.close();
    await this.#redis.close();
    await rm(this.#home, { recursive: true, force: true });
  }
}

// The time that passes is the thing under test.
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
