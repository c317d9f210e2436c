import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Issue } from '@ops/shared/events';
import type { Clock } from '@ops/shared/runtime';
import { unreadOf } from '../../decide/unread.js';
import type { KillOrders } from '../heartbeat/kill-orders.js';
import { PingedSource } from '../heartbeat/pinged-source.js';
import type { Listing, SourceJob, SourceListener } from '../source.js';
import { SourceDown } from '../source-down.js';
import { readTaskFile, type TasksRead } from './task-file.js';

const MOST_FILES = 2000;
const MOST_BYTES = 1_000_000;

export interface WorkflowOptions {
  readonly name: string;
  readonly folder: string;
  /** Between two looks at the files, ms. */
  readonly every: number;
}

/** YAML task files of a folder and the folders below it: listed from there, and supervised by heartbeat. */
export class WorkflowSource extends PingedSource {
  readonly #options: WorkflowOptions;
  readonly #clock: Clock;
  readonly #stop = new AbortController();

  constructor(options: WorkflowOptions, orders: KillOrders, clock: Clock) {
    super({ name: options.name, orders, list: () => readFolder(options) });
    this.#options = options;
    this.#clock = clock;
  }

  override open(listener: SourceListener): void {
    super.open(listener);
    void this.#watch(listener);
  }

  override async close(): Promise<void> {
    this.#stop.abort();
    await super.close();
  }

  // Looked at, not watched: a folder may be on a network, and be there only later.
  async #watch(listener: SourceListener): Promise<void> {
    const { signal } = this.#stop;
    let known = '';
    while (!signal.aborted) {
      const state = await stateOf(this.#options.folder);
      if (known !== '' && state !== known) listener.jobsChanged();
      known = state;
      await this.#clock.sleep(this.#options.every, signal);
    }
  }
}

async function readFolder({ name, folder }: WorkflowOptions): Promise<Listing> {
  const files = await taskFiles(folder).catch((cause: unknown) => {
    throw new SourceDown(name, `${folder} cannot be read: expected a folder with YAML task files`, cause);
  });
  const jobs = new Map<string, SourceJob>();
  const issues: Issue[] = [];
  const unread: (string | undefined)[] = [];
  for (const file of files) {
    const found = await readOne(file, join(folder, file));
    issues.push(...found.issues);
    unread.push(...(found.unread === 'unknown' ? [undefined] : found.unread));
    for (const job of found.jobs) {
      if (jobs.has(job.id)) issues.push({ path: `${file}.id`, value: job.id, expected: 'an id that no other task file has' });
      else jobs.set(job.id, job);
    }
  }
  return { jobs: [...jobs.values()], issues, unread: unreadOf(unread), from: 'source' };
}

async function readOne(file: string, path: string): Promise<TasksRead> {
  try {
    const { size } = await stat(path);
    if (size > MOST_BYTES) throw new Error(`it has ${size} bytes, expected at most ${MOST_BYTES}`);
    return readTaskFile(file, await readFile(path, 'utf8'));
  } catch (error) {
    const value = error instanceof Error ? error.message : String(error);
    return { jobs: [], issues: [{ path: file, value, expected: 'a YAML task file that can be read' }], unread: 'unknown' };
  }
}

async function taskFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  const files = entries.filter((name) => /\.ya?ml$/.test(name) && !/(?:^|\/)(?:\.|node_modules\/)/.test(name));
  return files.toSorted().slice(0, MOST_FILES);
}

async function stateOf(folder: string): Promise<string> {
  try {
    const files = await taskFiles(folder);
    const facts = await Promise.all(files.map(async (file) => [file, (await stat(join(folder, file))).mtimeMs]));
    return JSON.stringify(facts);
  } catch {
    return 'away';
  }
}
