import { GatewayRefusal } from '@ops/shared/probes';
import type { GatewayLink } from './gateway-link.js';

/** Jobs that we have switched off to end a run, and must switch on again: at once, or as soon as the gateway is back. */
export class SwitchedOff {
  readonly #link: GatewayLink;
  readonly #owed = new Set<string>();
  readonly #ending = new Set<string>();

  constructor(link: GatewayLink) {
    this.#link = link;
  }

  /** Whether a job is off, or about to be, for us alone: it is on for everybody else. */
  has(job: string): boolean {
    return this.#owed.has(job) || this.#ending.has(job);
  }

  /** What switches a job off to end its run, and on again. */
  async during<T>(job: string, ending: () => Promise<T>): Promise<T> {
    this.#ending.add(job);
    try {
      return await ending();
    } finally {
      this.#ending.delete(job);
    }
  }

  /** Switches a job on; never rejects. Where that fails it stays owed. */
  async restore(job: string): Promise<void> {
    this.#owed.add(job);
    try {
      await this.#link.ask('cron.update', { id: job, patch: { enabled: true } });
      this.#owed.delete(job);
    } catch (error) {
      // The connection is gone, or the gateway refuses for now: `restoreAll` comes with the next connection.
      if (error instanceof GatewayRefusal && error.detail === 'CRON_JOB_NOT_FOUND') this.#owed.delete(job);
    }
  }

  /** What is owed from before; for a new connection. */
  async restoreAll(): Promise<void> {
    for (const job of [...this.#owed]) await this.restore(job);
  }
}
