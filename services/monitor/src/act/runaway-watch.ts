import { readFileSync } from 'node:fs';
import type { Logger } from '@ops/shared/runtime';
import type { ContainerDirectory } from '../checks/container-directory.js';
import { largest } from '../decide/largest.js';
import { noPressure, type PressureState, pressureAfter } from '../decide/pressure-streak.js';
import { decideRunaway, judgedFacts, previousAfter } from '../decide/runaway.js';
import { containerIds } from '../decide/runaway-container.js';
import type { RunawayPolicy } from '../decide/runaway-policy.js';
import { describeProcess, type ProcessIdentity } from '../decide/runaway-process.js';
import { type RunawayDecision, recordRunaway } from '../decide/runaway-replay.js';
import type { PreviousKill, RunawayFacts, RunawayPlan } from '../decide/runaway-types.js';
import { type Metric, sizeOf } from '../decide/runaway-unit.js';
import { type TablePaceFacts, tableLasts } from '../decide/table-pace.js';
import { heaviest } from '../host/heaviest.js';
import { KeptStats } from '../host/kept-stats.js';
import { type ProcessTable, readProcessTable, scanProcessTable } from '../host/process-table.js';
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
/** A table that was read within this time is decided on with the sample that asked for it: half of the shortest interval between two. */
const AT_ONCE_MS = 25;
const RECENT_MS = 2_000;
/** More processes than this are not read in one go. */
const MOST_AT_ONCE = 1_000;
const MOST_GIVEN_UP = 1000;

export interface RunawayWatchOptions {
  readonly policy: RunawayPolicy;
  /** Whose tree is spared: ours, where it is not given. */
  readonly self?: number;
  readonly ownPids: readonly number[];
  readonly containers: ContainerDirectory;
  readonly engine: ContainerEngine | undefined;
  readonly log: Logger;
  /** A choice, with what it was made from, before it is carried out. */
  readonly decided: (decision: RunawayDecision) => void;
  /** What was done, or would have been. */
  readonly done: (plan: RunawayPlan, outcome: KillOutcome) => void;
}

type Seen = Pick<RunawayFacts, 'level' | 'cpuOverSince'> & Pick<TablePaceFacts, 'isNear'> & { readonly sample: HostSample };
type Processes = ReturnType<typeof processUsage>;

/**
 * Keeps the process table while it matters and carries out one kill at a time. It chooses nothing: decideRunaway does. Neither the
 * table nor a kill is waited for: the samples must go on, to tell whether it helped.
 */
export class RunawayWatch {
  readonly #options: RunawayWatchOptions;
  readonly #ownGroup = ownGroup();
  /** Open while tables are read one after the other. */
  readonly #kept = new KeptStats();
  /** What rates are counted from. */
  #table: ProcessTable | null = null;
  #latest: { readonly processes: Processes; readonly at: number } | null = null;
  #tableAt = Number.NEGATIVE_INFINITY;
  #tookMs = 0;
  #pressure: PressureState = noPressure;
  #scanning: Promise<void> | null = null;
  /** A table that took a while: it waits for a sample that was taken after it. */
  #waiting: Processes | null = null;
  #previous: PreviousKill | null = null;
  #givenUp: readonly ProcessIdentity[] = [];
  #killing: Promise<void> | null = null;
  /** When the last kill was over, on the clock of the samples. */
  #endedAt = Number.NEGATIVE_INFINITY;

  constructor(options: RunawayWatchOptions) {
    this.#options = options;
  }

  /** Takes a sample in: reads the table where it is due, and ends a runaway if the facts say so. */
  look(seen: Seen): void {
    const { policy } = this.#options;
    this.#pressure = pressureAfter(this.#pressure, seen.sample, policy.cpu.minPressurePercent);
    const waiting = this.#waiting;
    if (waiting !== null) {
      // Memory that has recovered while the table was read ends nobody.
      this.#waiting = null;
      this.#decide(seen, waiting);
    }
    const ramIsOver = (seen.sample.ramPercent ?? 0) > policy.ram.abovePercent;
    const lasts = tableLasts({ ...seen, ramIsOver, killing: this.#killing !== null, tookMs: this.#tookMs });
    if (lasts === null && this.#scanning === null) this.#kept.close();
    if (this.#scanning !== null || lasts === null || seen.sample.monotonicMs - this.#tableAt < lasts) return;
    this.#tableAt = seen.sample.monotonicMs;
    this.#scanning = this.#scan(seen).finally(() => {
      this.#scanning = null;
    });
  }

  /** Who uses most, by memory and by CPU; empty where nobody can tell at once. */
  top() {
    const most = (processes: Processes, metric: Metric) =>
      largest(processes, TOP, (each) => sizeOf(each, metric)).map(describeProcess);
    try {
      const processes = this.#recent() ?? processUsage(this.#table, readProcessTable({ most: MOST_AT_ONCE }));
      return { byRss: most(processes, 'ram'), byCpu: most(processes, 'cpu') };
    } catch {
      return { byRss: [], byCpu: [] };
    }
  }

  /** Waits for a kill in progress: a process that got SIGTERM must not be left half-ended. */
  async settle(): Promise<void> {
    await this.#scanning;
    this.#kept.close();
    await this.#killing;
  }

  async #scan(seen: Seen): Promise<void> {
    try {
      const table = await scanProcessTable({ detailsOf: heaviest(CANDIDATES, this.#table), kept: this.#kept });
      const processes = processUsage(this.#table, table, table.detailed);
      this.#keep(table);
      this.#latest = { processes, at: table.monotonicMs };
      this.#tookMs = performance.now() - table.monotonicMs;
      if (this.#tookMs > AT_ONCE_MS) this.#waiting = processes;
      else this.#decide(seen, processes);
    } catch (error) {
      this.#options.log.debug({ error }, 'no process table');
    }
  }

  #decide(seen: Seen, processes: Processes): void {
    const { policy, self = process.pid, ownPids, containers } = this.#options;
    const facts: RunawayFacts = {
      ...seen,
      processes,
      pressedSince: this.#pressure.since,
      // A text that no process has, where ours cannot be read: then nobody is ended.
      withinGroup: seen.sample.scope.kind === 'host' ? null : (this.#ownGroup ?? 'unknown'),
      own: { pid: self, alsoOurs: ownPids },
      containers: { known: containers.known, own: containerIds(this.#ownGroup) },
      // A sample that is older than the end of a kill saw the victim with all that it held.
      killing: this.#killing !== null || seen.sample.monotonicMs < this.#endedAt,
      previous: this.#previous,
      givenUp: this.#givenUp,
    };
    const plan = decideRunaway(facts, policy, seen.sample.at);
    if (plan === null) return;
    // First the signal, which goes out before anything is waited for; then what is told of it.
    this.#killing = this.#carryOut(plan);
    this.#options.decided(recordRunaway(plan, judgedFacts(facts, policy), policy));
  }

  #recent(): Processes | null {
    const isRecent = this.#latest !== null && performance.now() - this.#latest.at < RECENT_MS;
    return isRecent ? (this.#latest?.processes ?? null) : null;
  }

  // A rate needs a window: a table that is younger than this stays the one to compare with.
  #keep(table: ProcessTable): void {
    if (this.#table === null || table.monotonicMs - this.#table.monotonicMs >= 500) this.#table = table;
  }

  async #carryOut(plan: RunawayPlan): Promise<void> {
    const { log, engine, done, policy } = this.#options;
    log.warn({ mode: plan.mode, victim: plan.victim, container: plan.container, reason: plan.reason }, 'runaway process');
    try {
      const outcome = await killRunaway(plan, { engine });
      const { result, members } = outcome;
      this.#previous = previousAfter(
        this.#previous,
        { members: members.filter((each) => each.result === result), result, at: Date.now() },
        policy,
      );
      const failed = members.filter((each) => each.result === 'survived' || each.result === 'not-permitted');
      this.#givenUp = [...this.#givenUp, ...failed].slice(-MOST_GIVEN_UP);
      done(plan, outcome);
    } catch (error) {
      log.error({ error, victim: plan.victim }, 'the runaway could not be ended');
    } finally {
      this.#killing = null;
      this.#endedAt = performance.now();
    }
  }
}
