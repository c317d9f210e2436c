import { GatewayRefusal } from '@ops/shared/probes';
import { z } from 'zod';
import type { RunReport } from '../../cron-types.js';
import type { SourceListener } from '../source.js';
import { SourceDown } from '../source-down.js';
import { inOrder, readRun } from './decide/read-run.js';
import type { GatewayLink } from './gateway-link.js';
import type { RunWatch } from './run-watch.js';

const LEGACY_LIMIT = 5000;
const PAGE = 200;
/** A gateway keeps 2000 runs of a job. */
const MOST_PAGES = 20;

const answer = z.object({ entries: z.array(z.unknown()), hasMore: z.boolean().nullish() });
const when = z.object({ runAtMs: z.number().optional(), ts: z.number().optional() });

/** Finished runs, by `cron.runs`: it does not wait for jobs that run. */
export class RunHistory {
  readonly #name: string;
  readonly #link: GatewayLink;
  readonly #watch: RunWatch;
  readonly #listener: SourceListener;

  constructor(name: string, link: GatewayLink, watch: RunWatch, listener: SourceListener) {
    this.#name = name;
    this.#link = link;
    this.#watch = watch;
    this.#listener = listener;
  }

  /** Those of a job that began at or after `since` (epoch ms), oldest first; none for a job that is not known. */
  async of(job: string, since: number): Promise<readonly RunReport[]> {
    const rows = this.#link.generation === 'modern' ? await this.#pages(job, since) : await this.#page(job, LEGACY_LIMIT);
    const runs: RunReport[] = [];
    for (const [index, row] of (rows?.entries ?? []).entries()) {
      const read = readRun(row, this.#watch.limitOf(job), `cron.runs.entries[${index}]`);
      if ('issues' in read) for (const issue of read.issues) this.#listener.garbled(issue);
      else if (read.job === job) runs.push(read);
    }
    return inOrder(runs, since);
  }

  async has(job: string, startedAt: number): Promise<boolean> {
    return (await this.of(job, startedAt)).some((run) => run.started_at === startedAt);
  }

  // Newest first: until they are older than what is wanted.
  async #pages(job: string, since: number): Promise<{ readonly entries: readonly unknown[] }> {
    const entries: unknown[] = [];
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const page = await this.#page(job, PAGE, entries.length);
      entries.push(...(page?.entries ?? []));
      if (page?.hasMore !== true || page.entries.length === 0 || isBefore(page.entries.at(-1), since)) break;
    }
    return { entries };
  }

  async #page(job: string, limit: number, offset?: number): Promise<z.infer<typeof answer> | undefined> {
    try {
      const payload = await this.#link.ask('cron.runs', { id: job, limit, ...(offset === undefined ? {} : { offset }) });
      return this.#link.understand('cron.runs', payload, answer);
    } catch (error) {
      if (!(error instanceof GatewayRefusal)) throw error;
      if (error.detail === 'CRON_JOB_NOT_FOUND') return undefined;
      throw new SourceDown(this.#name, `cron.runs: ${error.message}`, error);
    }
  }
}

// A run ends after it began: what ended before `since` began before it.
function isBefore(row: unknown, since: number): boolean {
  const { ts, runAtMs } = when.safeParse(row).data ?? {};
  return (ts ?? runAtMs ?? Number.POSITIVE_INFINITY) < since;
}
