import type { CheckResult } from '@ops/shared/probes';
import type { Clock } from '@ops/shared/runtime';

// Keep-alive times of servers are seconds; who closes sooner does so after each answer.
const SHORT_MS = 1000;
const MOST_SHORT = 3;
const MOST_TRIES = 3;

/** Which ends of a service's kept connection are worth a check, and what its first answer after one is worth. */
export class LinkEnds {
  readonly #clock: Clock;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #short = 0;
  /** Checks since the connection ended, while its end is not explained yet; null otherwise. */
  #tries: number | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The connection was ended. Returns whether to check now: a server that ends each connection after its answer is left to the schedule. */
  ended(): boolean {
    const isShort = this.#clock.monotonic() - this.#checkedAt < SHORT_MS;
    this.#short = isShort ? this.#short + 1 : 0;
    if (this.#short > MOST_SHORT) return false;
    this.#tries = 0;
    return true;
  }

  /**
   * A check has ended. Returns whether to ask again in a moment: a process that is being ended may still take a connection, and
   * resets it.
   */
  checked({ outcome, gone }: Pick<CheckResult, 'outcome' | 'gone'>): boolean {
    this.#checkedAt = this.#clock.monotonic();
    if (this.#tries === null) return false;
    this.#tries = outcome === 'failed' && gone !== true && this.#tries < MOST_TRIES ? this.#tries + 1 : null;
    return this.#tries !== null;
  }
}
