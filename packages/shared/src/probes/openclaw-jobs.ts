import { z } from 'zod';
import type { Clock } from '../runtime/index.js';
import { errorWords } from './error-words.js';
import type { OpenClawConnection } from './openclaw-connection.js';

const ASK_EVERY_MS = 60_000;
const MOST_PAGES = 20;

const status = z.object({ enabled: z.boolean() });
const page = z.object({
  jobs: z.array(z.object({ enabled: z.boolean().default(true), declarationKey: z.string().nullish() })),
  hasMore: z.boolean().optional(),
  nextOffset: z.number().nullish(),
});

/** Enabled cron jobs; null while the scheduler itself is switched off. */
export type JobCount = { readonly enabled: number | null; readonly at: number };

/**
 * Counts the enabled cron jobs, once a minute at most: on old gateways the question waits until the running job has ended, and
 * asking often disturbs the schedule. So there is one question at a time, and whoever does not want to wait takes the last answer.
 */
export class OpenClawJobs {
  readonly #clock: Clock;
  #asking: Promise<void> | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #last: JobCount | undefined;
  #refusal: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The count, waiting `patienceMs` for a new one where it is time for one; undefined before the first answer. */
  async count(connection: OpenClawConnection, patienceMs: number): Promise<JobCount | undefined> {
    const now = this.#clock.monotonic();
    if (this.#asking === undefined && now - this.#askedAt >= ASK_EVERY_MS) {
      this.#askedAt = now;
      this.#asking = this.#ask(connection).finally(() => {
        this.#asking = undefined;
      });
    }
    if (this.#asking !== undefined) {
      const patience = new AbortController();
      await Promise.race([this.#asking, this.#clock.sleep(patienceMs, patience.signal)]);
      patience.abort();
    }
    return this.#last;
  }

  /** Why there is no newer count; undefined where the last question was answered. */
  get why(): string | undefined {
    return this.#asking === undefined ? this.#refusal : 'the gateway does not answer cron questions while a job runs';
  }

  async #ask(connection: OpenClawConnection): Promise<void> {
    try {
      const { enabled } = status.parse(await connection.call('cron.status', {}));
      this.#last = { enabled: enabled ? await countEnabled(connection) : null, at: this.#clock.now() };
      this.#refusal = undefined;
    } catch (error) {
      this.#refusal = error instanceof z.ZodError ? 'the gateway answers cron questions in an unknown form' : errorWords(error);
      // The question was not answered at all: the next check may ask again.
      if (!connection.open) this.#askedAt = Number.NEGATIVE_INFINITY;
    }
  }
}

async function countEnabled(connection: OpenClawConnection): Promise<number> {
  let enabled = 0;
  let offset: number | null | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    const params = { includeDisabled: true, ...(typeof offset === 'number' ? { offset } : {}) };
    const { jobs, hasMore, nextOffset } = page.parse(await connection.call('cron.list', params));
    // Newer gateways keep jobs of their own among ours, and mark them by a key.
    enabled += jobs.filter((job) => job.enabled && typeof job.declarationKey !== 'string').length;
    if (hasMore !== true || typeof nextOffset !== 'number') break;
    offset = nextOffset;
  }
  return enabled;
}
