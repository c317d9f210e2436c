import type { Job } from './cron-types.js';

/** The jobs that are supervised now, as this process knows them; PostgreSQL has them too, and more of each. */
export class Registry {
  #jobs: ReadonlyMap<string, Job> = new Map();
  #known = false;

  get jobs(): ReadonlyMap<string, Job> {
    return this.#jobs;
  }

  /** Whether it has been read at all: before that, nothing can be said of a job that is not in it. */
  get known(): boolean {
    return this.#known;
  }

  replace(jobs: readonly Job[]): void {
    this.#known = true;
    this.#jobs = new Map(jobs.map((job) => [job.job_id, job]));
  }

  ofSource(source: string): readonly Job[] {
    return [...this.#jobs.values()].filter((job) => job.source === source);
  }

  /** A job by its id, or by what people call it: the id or name at its source, where only one has it. */
  find(text: string): Job | undefined {
    const exact = this.#jobs.get(text);
    if (exact !== undefined) return exact;
    const called = [...this.#jobs.values()].filter(
      ({ external_id, name, source }) => external_id === text || name === text || `${source}/${name}` === text,
    );
    return called.length === 1 ? called[0] : undefined;
  }
}
