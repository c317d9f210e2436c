import { z } from 'zod';
import { SourceDown } from '../source-down.js';
import { type JobsRead, readJobs } from './decide/read-jobs.js';
import type { GatewayLink } from './gateway-link.js';
import type { RunWatch } from './run-watch.js';
import { SharedQuestion } from './shared-question.js';

const PAGE = 200;
const MOST_PAGES = 500;
/** How often a listing begins again because jobs changed between two of its pages. */
const MOST_TRIES = 5;

const page = z.object({
  jobs: z.array(z.unknown()),
  snapshotRevision: z.string().nullish().catch(null),
  hasMore: z.boolean().nullish(),
  nextOffset: z.number().nullish(),
});

/**
 * The jobs of a gateway, asked once at a time: on a legacy gateway the answer waits until no job runs, and asking often disturbs
 * its schedule (openclaw#12440).
 */
export class JobList {
  readonly #name: string;
  readonly #link: GatewayLink;
  readonly #watch: RunWatch;
  readonly #timeZone: string;
  readonly #question: SharedQuestion<JobsRead>;

  constructor(name: string, link: GatewayLink, watch: RunWatch, timeZone: string) {
    this.#name = name;
    this.#link = link;
    this.#watch = watch;
    this.#timeZone = timeZone;
    this.#question = new SharedQuestion(() => this.#ask());
  }

  /** The jobs, by a question that may be on its way already. */
  now(): Promise<JobsRead> {
    return this.#question.answer();
  }

  /** The jobs, by a question that is asked from now on: on a legacy gateway, whatever it was asked before is done then. */
  afterAll(): Promise<JobsRead> {
    return this.#question.fresh();
  }

  async #ask(): Promise<JobsRead> {
    const before = this.#watch.running;
    const rows = this.#link.generation === 'modern' ? await this.#pages() : await this.#whole();
    const read = readJobs(rows, this.#link.generation, this.#timeZone, 'cron.list.jobs');
    this.#watch.listed(read);
    this.#watch.proven(
      read.jobs.flatMap(({ job, running_at }) => (running_at === undefined ? [] : [{ job: job.id, started_at: running_at }])),
      before,
    );
    return read;
  }

  async #whole(): Promise<readonly unknown[]> {
    // As long as it takes: it waits for the job that runs.
    return (await this.#link.read('cron.list', { includeDisabled: true }, page, null)).jobs;
  }

  async #pages(): Promise<readonly unknown[]> {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const rows = await this.#onePass();
      if (rows !== undefined) return rows;
    }
    throw new SourceDown(this.#name, 'its jobs change between the pages of every listing');
  }

  /** All pages; undefined where jobs changed in between, and rows may be there twice or not at all. */
  async #onePass(): Promise<readonly unknown[] | undefined> {
    const rows: unknown[] = [];
    let revision: string | null | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages += 1) {
      const params = { includeDisabled: true, limit: PAGE, offset: rows.length };
      const { jobs, snapshotRevision, hasMore } = await this.#link.read('cron.list', params, page);
      if (pages > 0 && snapshotRevision !== revision) return undefined;
      revision = snapshotRevision;
      rows.push(...jobs);
      if (hasMore !== true || jobs.length === 0) break;
    }
    return rows;
  }
}
