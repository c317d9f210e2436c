import { access, open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Issue } from '@ops/shared/events';
import type { Clock } from '@ops/shared/runtime';
import type { RunReport } from '../../cron-types.js';
import type { Listing } from '../source.js';
import { readJobsFile } from './decide/read-jobs-file.js';
import { inOrder } from './decide/read-run.js';
import { readRunLog } from './decide/read-run-log.js';

/** A file that is being rewritten is whole again after a moment. */
const TRIES = 4;
const PAUSE_MS = 50;
/** The gateway prunes a run log at 2 MB. */
const LONGEST_LOG = 8_388_608;
const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/;

/**
 * What a gateway before 2026.6 has on disk, for the time when it is down. Read only: what is written there while it runs is lost, or
 * does harm. A later one has a database, and ignores a jobs.json that still lies there: then there are no files for us.
 */
export class StateFiles {
  readonly #database: string;
  readonly #jobs: string;
  readonly #runs: string;
  readonly #timeZone: string;
  readonly #clock: Clock;
  #last: Listing | undefined;

  constructor(stateDir: string, timeZone: string, clock: Clock) {
    const state = stateDir.startsWith('~/') ? join(homedir(), stateDir.slice(2)) : stateDir;
    const folder = join(state, 'cron');
    this.#database = join(state, 'state', 'openclaw.sqlite');
    this.#jobs = join(folder, 'jobs.json');
    this.#runs = join(folder, 'runs');
    this.#timeZone = timeZone;
    this.#clock = clock;
  }

  /**
   * The jobs of jobs.json; where that is broken those of jobs.json.bak, or of the last time, with an issue that says so. Undefined where
   * there is nothing.
   */
  async list(): Promise<Listing | undefined> {
    if (await this.#areLeft()) return undefined;
    const first = await this.#whole();
    if (!('issue' in first)) return this.#keep(first);
    const backup = await this.#read(`${this.#jobs}.bak`);
    if (!('issue' in backup)) return this.#keep({ ...backup, issues: [first.issue, ...backup.issues] });
    // The issue is of now, and not kept with the jobs.
    return this.#last && { ...this.#last, issues: [first.issue, ...this.#last.issues] };
  }

  /** Finished runs of a job that began at or after `since` (epoch ms), oldest first, and what could not be read. Undefined without a log. */
  async history(
    job: string,
    since: number,
  ): Promise<{ readonly runs: readonly RunReport[]; readonly issues: readonly Issue[] } | undefined> {
    if (!FILE_NAME.test(job) || (await this.#areLeft())) return undefined;
    const path = join(this.#runs, `${job}.jsonl`);
    const text = await readEnd(path).catch(() => undefined);
    if (text === undefined) return undefined;
    const { runs, issues } = readRunLog(text, job, path);
    return { runs: inOrder(runs, since), issues };
  }

  /** Whether they are only what an earlier version has left. */
  async #areLeft(): Promise<boolean> {
    return access(this.#database).then(
      () => true,
      () => false,
    );
  }

  async #whole(): Promise<Listing | { readonly issue: Issue }> {
    let found = await this.#read(this.#jobs);
    for (let tries = 1; tries < TRIES && 'issue' in found; tries += 1) {
      await this.#clock.sleep(PAUSE_MS);
      found = await this.#read(this.#jobs);
    }
    return found;
  }

  async #read(path: string): Promise<Listing | { readonly issue: Issue }> {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    return readJobsFile(text, this.#timeZone, path);
  }

  #keep(listing: Listing): Listing {
    this.#last = { ...listing, issues: listing.issues.filter(({ path }) => !path.endsWith('.json')) };
    return listing;
  }
}

async function readEnd(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const length = Math.min(size, LONGEST_LOG);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    const text = buffer.toString('utf8', 0, bytesRead);
    // Not from the middle of a line.
    return size > length ? text.slice(text.indexOf('\n') + 1) : text;
  } finally {
    await file.close();
  }
}
