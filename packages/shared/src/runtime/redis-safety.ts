import {
  findingText,
  judgeServer,
  OpsError,
  openClient,
  type RedisClient,
  readServerFacts,
  type UnsafeRedis,
} from '../streams/index.js';
import type { Logger } from './logger.js';

// A setting can be changed while the server runs, in either direction.
const LOOK_EVERY_MS = 60_000;
const LOOK_AGAIN_MS = 2000;
// A guard must not wait for Redis: one that has not answered by then is looked at when it does.
const START_WAIT_MS = 2000;

export interface RedisSafetyOptions {
  readonly url: string;
  readonly policy: UnsafeRedis;
  /** `bus.confirm_disk`: the server must have WAITAOF. */
  readonly confirmDisk?: boolean;
  readonly log: Logger;
  /** Says a line to the person at the console. */
  readonly announce: (line: string) => void;
}

/** Redis forgets, evicts or is too old, and ops.yaml does not allow it. */
export class UnsafeRedisError extends OpsError {
  constructor(reasons: readonly string[]) {
    super('REDIS_UNSAFE', reasons.join('\n'), { retryable: true, fields: { reasons } });
  }
}

/**
 * Looks whether events are safe in Redis: at the start, after every reconnect (a failover may lead to a server without an
 * append-only file), and now and then. States: unknown → safe | refused, and from each of these two to the other.
 */
export class RedisSafety {
  readonly #options: RedisSafetyOptions;
  readonly #client: RedisClient;
  #state: 'unknown' | 'safe' | 'refused' = 'unknown';
  #reasons: readonly string[] = [];
  #said = '';
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: RedisSafetyOptions) {
    this.#options = options;
    this.#client = openClient(options.url, 'ops-safety');
    // In a Cluster each node that joins is a connection of its own.
    for (const event of ['ready', '+node'] as const) this.#client.on(event, () => void this.#look().catch(() => undefined));
  }

  /** Why Redis is refused; empty where it is safe, or has not answered yet. */
  reasons(): readonly string[] {
    return this.#reasons;
  }

  /** The look at the start. Throws an {@link UnsafeRedisError}; a Redis that does not answer is no reason not to start. */
  async begin(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, START_WAIT_MS);
      this.#client.once('close', resolve);
    });
    await Promise.race([this.#look().catch(() => undefined), late]);
    clearTimeout(timer);
    if (this.#state === 'refused') throw new UnsafeRedisError(this.#reasons);
  }

  /** Resolves where Redis has been found safe; rejects with an {@link UnsafeRedisError}, or where it does not answer. */
  async confirm(): Promise<void> {
    if (this.#state !== 'safe') await this.#look();
    if (this.#state === 'refused') throw new UnsafeRedisError(this.#reasons);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client.disconnect();
  }

  #look(): Promise<void> {
    this.#looking ??= this.#judge().finally(() => {
      this.#looking = undefined;
      this.#lookAgain();
    });
    return this.#looking;
  }

  #lookAgain(): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    const pause = this.#state === 'refused' ? LOOK_AGAIN_MS : LOOK_EVERY_MS;
    this.#timer = setTimeout(() => void this.#look().catch(() => undefined), pause);
    this.#timer.unref();
  }

  async #judge(): Promise<void> {
    const { policy, confirmDisk = false } = this.#options;
    const judged = (await readServerFacts(this.#client)).map((facts) => ({
      address: facts.address,
      findings: judgeServer(facts, policy, confirmDisk),
    }));
    const refused = judged.filter(({ findings }) => findings.some(({ verdict }) => verdict === 'refuse'));
    this.#state = refused.length > 0 ? 'refused' : 'safe';
    this.#reasons = refused.map(({ address, findings }) => findingText(address, findings));
    this.#say(
      judged.filter(({ findings }) => findings.length > 0).map(({ address, findings }) => findingText(address, findings)),
    );
  }

  // Once for each new state of things, not at every look.
  #say(texts: readonly string[]): void {
    const { log, announce } = this.#options;
    const said = texts.join('\n');
    if (said === this.#said) return;
    this.#said = said;
    if (said === '') log.info('Redis is safe for events again');
    else if (this.#state === 'refused') log.error({ findings: texts }, 'Redis is not safe for events: nothing is read from it');
    else {
      log.warn({ findings: texts }, 'Redis may lose events, and ops.yaml allows it');
      for (const text of texts) announce(`warning: ${text}`);
    }
  }
}
