import { readFileSync } from 'node:fs';
import type { Logger } from '@ops/shared/runtime';
import type { ContainerDirectory } from '../checks/container-directory.js';
import { decideRunaway } from '../decide/runaway.js';
import { containerIds } from '../decide/runaway-container.js';
import type { RunawayPolicy } from '../decide/runaway-policy.js';
import { describeProcess, type ProcessIdentity } from '../decide/runaway-process.js';
import type { PreviousKill, RunawayFacts, RunawayPlan } from '../decide/runaway-types.js';
import { heaviest, type ProcessTable, readProcessTable } from '../host/process-table.js';
import { processUsage } from '../host/process-usage.js';
import type { HostSample } from '../host/sample.js';
import type { ContainerEngine } from './container-engine.js';
import { type KillOutcome, killRunaway } from './kill.js';

/** Our own control groups; null where they cannot be read. */
function ownGroup(): string | null {
  try {
    return readFileSync('/proc/self/cgroup', 'utf8');
  } catch {
    return null;
  }
}

const CANDIDATES = 40;
const TOP = 10;
const MOST_GIVEN_UP = 1000;

export interface RunawayWatchOptions {
  readonly policy: RunawayPolicy;
  readonly ownPids: readonly number[];
  readonly containers: ContainerDirectory;
  readonly engine: ContainerEngine | undefined;
  readonly log: Logger;
  /** What was done, or would have been. */
  readonly done: (plan: RunawayPlan, outcome: KillOutcome) => void;
}

type Seen = Pick<RunawayFacts, 'level' | 'cpuOverSince'> & { readonly sample: HostSample };

/**
 * Keeps the process table while it matters and carries out one kill at a time. It chooses nothing: decideRunaway does.
 * The kill runs beside the samples, which must go on to tell whether it helped.
 */
export class RunawayWatch {
  readonly #options: RunawayWatchOptions;
  readonly #ownGroup = ownGroup();
  #table: ProcessTable | null = null;
  #previous: PreviousKill | null = null;
  #givenUp: readonly ProcessIdentity[] = [];
  #killing: Promise<void> | null = null;

  constructor(options: RunawayWatchOptions) {
    this.#options = options;
  }

  /** Reads the table, and ends a runaway if the facts say so. Throws where there is no /proc. */
  look(seen: Seen): void {
    const table = readProcessTable({ detailsOf: heaviest(CANDIDATES, this.#table) });
    const processes = processUsage(this.#table, table);
    this.#keep(table);
    const facts: RunawayFacts = {
      ...seen,
      processes,
      // A text that no process has, where ours cannot be read: then nobody is ended.
      withinGroup: seen.sample.scope.kind === 'host' ? null : (this.#ownGroup ?? 'unknown'),
      own: { pid: process.pid, alsoOurs: this.#options.ownPids },
      containers: { known: this.#options.containers.known, own: containerIds(this.#ownGroup) },
      killing: this.#killing !== null,
      previous: this.#previous,
      givenUp: this.#givenUp,
    };
    const plan = decideRunaway(facts, this.#options.policy, seen.sample.at);
    if (plan !== null) this.#killing = this.#carryOut(plan);
  }

  /** Who uses most, by memory and by CPU; empty where there is no /proc. */
  top() {
    try {
      const table = readProcessTable({ detailsOf: () => new Set() });
      const processes = processUsage(this.#table, table);
      this.#keep(table);
      const most = (size: (each: (typeof processes)[number]) => number) =>
        [...processes]
          .sort((a, b) => size(b) - size(a))
          .slice(0, TOP)
          .map(describeProcess);
      return { byRss: most(({ rssBytes }) => rssBytes), byCpu: most(({ cpuPercent }) => cpuPercent ?? 0) };
    } catch {
      return { byRss: [], byCpu: [] };
    }
  }

  /** Reads the table, so that the rates of the processes are known when they are asked for. Throws where there is no /proc. */
  keepUp(): void {
    this.#keep(readProcessTable({ detailsOf: () => new Set() }));
  }

  /** Waits for a kill in progress: a process that got SIGTERM must not be left half-ended. */
  async settle(): Promise<void> {
    await this.#killing;
  }

  // A rate needs a window: a table that is younger than this stays the one to compare with.
  #keep(table: ProcessTable): void {
    if (this.#table === null || table.monotonicMs - this.#table.monotonicMs >= 500) this.#table = table;
  }

  async #carryOut(plan: RunawayPlan): Promise<void> {
    const { log, engine, done } = this.#options;
    log.warn({ mode: plan.mode, victim: plan.victim, container: plan.container, reason: plan.reason }, 'runaway process');
    try {
      const outcome = await killRunaway(plan, { engine });
      const { result, members } = outcome;
      this.#previous = { members: members.filter((each) => each.result === result), result, at: Date.now() };
      const failed = members.filter((each) => each.result === 'survived' || each.result === 'not-permitted');
      this.#givenUp = [...this.#givenUp, ...failed].slice(-MOST_GIVEN_UP);
      done(plan, outcome);
    } catch (error) {
      log.error({ error, victim: plan.victim }, 'the runaway could not be ended');
    } finally {
      this.#killing = null;
    }
  }
}
