import type { EventDraft } from '@ops/shared/events';
import type { Job, RunReport, Trigger } from '../cron-types.js';

/** What somebody tells of a run. Times are epoch ms. */
export type RunFact =
  | { readonly kind: 'began'; readonly job_id: string; readonly started_at: number; readonly ref: string | null }
  | { readonly kind: 'ended'; readonly job_id: string; readonly report: RunReport }
  /** A heartbeat that names no start: it ends the open run of that name, or the only open one, or is a whole run by itself. */
  | {
      readonly kind: 'ping';
      readonly job_id: string;
      readonly at: number;
      /** How long it took, ms, where its start was not told. */
      readonly took: number | null;
      readonly ref: string | null;
      readonly word: RunReport['word'];
      readonly exit_code: number | null;
      readonly output: string | null;
    }
  /** More of the output of the open run. */
  | { readonly kind: 'log'; readonly job_id: string; readonly at: number; readonly ref: string | null; readonly text: string };

/** A run as it is known. */
export interface Run {
  readonly run_id: string;
  readonly job_id: string;
  readonly started_at: number;
  readonly slot: number | null;
  readonly trigger: Trigger;
  readonly ref: string | null;
  readonly ended_at: number | null;
  readonly report: RunReport | null;
  readonly verdict: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly output: string | null;
  readonly limit_at: number | null;
  /** When we asked for its end; null where we did not. */
  readonly kill_asked_at: number | null;
  readonly retry_of: string | null;
}

export interface WaitingRetry {
  /** The run that failed. */
  readonly run_id: string;
  readonly job_id: string;
  readonly due_at: number;
  readonly state: string;
  readonly asked_at: number | null;
  readonly ref: string | null;
  readonly retry_run_id: string | null;
  /** The slot of the run that failed. */
  readonly slot: number | null;
}

/** Everything that is known of the jobs that the facts speak of. */
export interface IntakeFacts {
  readonly jobs: ReadonlyMap<string, Job>;
  /** Open runs of these jobs, and every run that a fact names. */
  readonly runs: readonly Run[];
  /** Retries of these jobs that have not ended. */
  readonly retries: readonly WaitingRetry[];
  /** `<job> <slot>` of slots that were given up. */
  readonly missed: ReadonlySet<string>;
  /** job → metrics of the alerts that stand about it. */
  readonly raised: ReadonlyMap<string, readonly string[]>;
  /** Whether somebody here can start a run of the job. */
  readonly startable: (job: Job) => boolean;
  /** Whether the output of its runs is an answer, as an agent's. */
  readonly answers: (job: Job) => boolean;
  /** Whether somebody has asked by hand for a run that begins then (epoch ms). */
  readonly byHand: (job: Job, startedAt: number) => boolean;
}

/** What is to be stored and said, all of it or nothing. */
export interface IntakePlan {
  /** New and changed runs, by their id. */
  readonly runs: readonly Run[];
  readonly retries: readonly NewRetry[];
  readonly retryChanges: readonly RetryChange[];
  /** Slots that were served: a job whose next slot it is goes on to the one after it. */
  readonly served: readonly {
    readonly job_id: string;
    readonly slot: number;
    readonly next: number | null;
    readonly due_at: number | null;
  }[];
  readonly raised: ReadonlyMap<string, readonly string[]>;
  readonly drafts: readonly EventDraft[];
  /** The run that each fact was about; undefined where the fact said nothing new of none. */
  readonly about: readonly (Run | undefined)[];
}

export interface NewRetry {
  readonly run_id: string;
  readonly job_id: string;
  readonly failed_at: number;
  readonly due_at: number;
  readonly reason: string;
}

export interface RetryChange {
  readonly run_id: string;
  readonly state: 'started' | 'succeeded' | 'failed';
  readonly retry_run_id: string;
  readonly ended_at: number | null;
}
