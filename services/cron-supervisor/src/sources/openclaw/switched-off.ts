import { GatewayRefusal } from '@ops/shared/probes';
import type { GatewayLink } from './gateway-link.js';

/** Jobs that we have switched off to end a run, and must switch on again: at once, or as soon as the gateway is back. */
export class SwitchedOff {
  readonly #link: GatewayLink;
  readonly #owed = new Set<string>();

  constructor(link: GatewayLink) {
    this.#link = link;
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
