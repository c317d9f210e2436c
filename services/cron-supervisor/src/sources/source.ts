import type { CronPolicy } from '@ops/shared/config';
import type { Issue } from '@ops/shared/events';
import type { Schedule } from '@ops/shared/schedule';
import type { RunReport } from '../cron-types.js';
import type { Unread } from '../decide/unread.js';

/** A job as its source has it. */
export interface SourceJob {
  /** Unique within the source. */
  readonly id: string;
  readonly name: string;
  readonly purpose: string;
  readonly agent: string | null;
  readonly enabled: boolean;
  readonly schedule: Schedule;
  /** How late the source itself may begin a run, ms: its stagger, its queue, its catch-up after a restart. */
  readonly start_tolerance_ms: number;
  /** The source's own limit of a run, ms. */
  readonly timeout_ms: number | null;
  /** Nothing to say is a success for such a job (it only hands a text over). */
  readonly may_be_empty: boolean;
  /** How it is judged, as far as the job says so itself. */
  readonly policy?: CronPolicy;
  /** Where that was said: what ops.yaml says stands over what an operator sets by a command, and that over what the job was added with. */
  readonly policy_from?: 'ops.yaml' | 'added';
}

/** What a source has. A job that cannot be read is an issue (path, value, expectation), and the others are listed all the same. */
export interface Listing {
  readonly jobs: readonly SourceJob[];
  readonly issues: readonly Issue[];
  /** What else it has: whatever it neither lists nor has here is not there any more. */
  readonly unread: Unread;
  /** `files`: the source is down, and this is what lay on disk. */
  readonly from: 'source' | 'files';
}

export interface RunningRun {
  readonly job: string;
  readonly started_at: number;
  /** What it is known by, where somebody has told. */
  readonly ref?: string | null;
}

export type StartOutcome =
  | { readonly kind: 'started'; readonly ref: string | null }
  | { readonly kind: 'already-running' }
  | { readonly kind: 'refused'; readonly why: string };

export interface KillOutcome {
  /** `sent`: the source took the order; that the run has ended, it tells by itself. */
  readonly kind: 'sent' | 'not-running' | 'not-possible';
  /** By which means, for people. */
  readonly how: string;
}

/** What is known of a run beside its result, for an incident. */
export interface RunEvidence {
  readonly log: readonly string[];
  readonly processes: readonly string[];
}

export type SourceState =
  | { readonly kind: 'starting' }
  | { readonly kind: 'connected'; readonly detail: string }
  | { readonly kind: 'down'; readonly why: string };

/** Who is told what happens at a source. None of these throws. */
export interface SourceListener {
  /** @param ref what the source calls the run, where it has a name for it */
  began(run: RunningRun, ref: string | null): void;
  ended(report: RunReport): void;
  /** Jobs were added, changed or removed. */
  jobsChanged(): void;
  /** It is there, or there again: whatever happened meanwhile must be asked for. */
  connected(): void;
  lost(why: string): void;
  /** The source said something that makes no sense; it goes on. */
  garbled(issue: Issue): void;
}

/**
 * Where jobs come from: one adapter for each kind. Facts only: it judges nothing and remembers nothing that must survive.
 * What needs the source rejects with a SourceDown while it is away.
 */
export interface JobSource {
  readonly name: string;
  readonly state: SourceState;
  /** Connects and stays connected, until closed. */
  open(listener: SourceListener): void;
  close(): Promise<void>;
  /** Rejects with SourceDown where neither the source nor its files can be read. */
  list(): Promise<Listing>;
  /** Finished runs of a job that began at or after `since` (epoch ms), oldest first. */
  history(job: string, since: number): Promise<readonly RunReport[]>;
  /** What runs now, of all jobs. */
  running(): Promise<readonly RunningRun[]>;
  /** When the source itself will run a failed job again, before its next slot (epoch ms); undefined where it will not. */
  ownRetryAt(job: string): Promise<number | undefined>;
  /** Starts a run at once. */
  start(job: string): Promise<StartOutcome>;
  /**
   * Whether a run of the job has begun at or after `since`, for a start whose answer was lost: waits until whatever the source had
   * been asked before is through. Undefined where none has.
   */
  startedSince(job: string, since: number): Promise<RunningRun | undefined>;
  /** Ends the run, `gentle` first. Asking again does no harm. */
  kill(run: RunningRun, way: 'gentle' | 'hard'): Promise<KillOutcome>;
  /** Switches on a job that a hard end has switched off, where whoever did it was killed in between; undefined where none is switched off for it. */
  readonly switchOn?: (job: string) => Promise<void>;
  evidence(run: RunningRun): Promise<RunEvidence>;
  /** Changes a job at its source; undefined where the source cannot. */
  readonly change?: (job: string, change: { readonly schedule?: Schedule; readonly timeout_ms?: number }) => Promise<void>;
}
