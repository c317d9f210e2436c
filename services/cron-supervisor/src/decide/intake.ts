import type { EventDraft } from '@ops/shared/events';
import { nextSlot } from '@ops/shared/schedule';
import type { Job, RunReport } from '../cron-types.js';
import { runIdOf } from '../run-id.js';
import { blankReport } from './blank-report.js';
import { ALERTS, type AlertMetric, alertDraft, failedDraft, retryDraft, startedDraft, succeededDraft } from './drafts.js';
import type { IntakeFacts, IntakePlan, NewRetry, RetryChange, Run, RunFact, WaitingRetry } from './intake-types.js';
import { type CronLimits, limitOf } from './limit.js';
import { afterFailure } from './retry.js';
import { cut, joined } from './run-output.js';
import { answers, EARLY_MS, isByHand, triggerOf } from './run-trigger.js';
import { slotOf } from './slots.js';
import { judgeRun } from './verdict.js';

export type IntakePolicy = CronLimits & { readonly retry_after: number };

/**
 * What facts about runs come to. A run is known by its job and its start, so that a fact that is told twice, by an event and by a
 * later look, in whatever order, is one.
 */
export function planIntake(facts: readonly RunFact[], known: IntakeFacts, policy: IntakePolicy, now: number): IntakePlan {
  const intake = new Intake(known, policy, now);
  const about = facts.map((fact) => intake.take(fact));
  return { ...intake.plan(), about };
}

class Intake {
  readonly #known: IntakeFacts;
  readonly #policy: IntakePolicy;
  readonly #now: number;
  readonly #runs: Map<string, Run>;
  readonly #changed = new Map<string, Run>();
  readonly #retries: WaitingRetry[];
  readonly #newRetries: NewRetry[] = [];
  readonly #retryChanges: RetryChange[] = [];
  readonly #served: IntakePlan['served'][number][] = [];
  readonly #raised = new Map<string, readonly string[]>();
  readonly #drafts: EventDraft[] = [];

  constructor(known: IntakeFacts, policy: IntakePolicy, now: number) {
    this.#known = known;
    this.#policy = policy;
    this.#now = now;
    this.#runs = new Map(known.runs.map((run) => [run.run_id, run]));
    this.#retries = [...known.retries];
  }

  plan(): Omit<IntakePlan, 'about'> {
    return {
      runs: [...this.#changed.values()],
      retries: this.#newRetries,
      retryChanges: this.#retryChanges,
      served: this.#served,
      raised: this.#raised,
      drafts: this.#drafts,
    };
  }

  take(fact: RunFact): Run | undefined {
    const job = this.#known.jobs.get(fact.job_id);
    if (job === undefined) return undefined;
    switch (fact.kind) {
      case 'began':
        return this.#began(job, fact.started_at, fact.ref);
      case 'ended':
        return this.#ended(job, fact.report);
      case 'ping':
        return this.#pinged(job, fact);
      case 'log':
        return this.#logged(job, fact);
    }
  }

  #began(job: Job, startedAt: number, ref: string | null): Run {
    // Told twice, it has one beginning: whoever did not hear our answer asks again.
    const named = this.#named(job, ref);
    if (named !== undefined) return named;
    const known = this.#runs.get(runIdOf(job.job_id, startedAt));
    // Told again, now with the name that its source has for it.
    if (known !== undefined)
      return ref === null || known.ref !== null ? known : this.#keep({ ...known, ref, trigger: triggerOf(known, ref) });
    this.#vanished(job, startedAt, ref);
    const run = this.#create(job, startedAt, ref);
    this.#drafts.push(startedDraft(job, run));
    return run;
  }

  // Who tells of starts without names has one run at a time: an earlier one that has not ended will not tell any more.
  #vanished(job: Job, at: number, ref: string | null): void {
    const open = ref === null && !this.#known.answers(job) ? this.#newestOpen(job) : undefined;
    if (open === undefined || open.ref !== null) return;
    const error = 'interrupted: it began again, and had not told of its end';
    this.#end(job, open, {
      ...blankReport(job.external_id, open.started_at),
      ended_at: Math.max(at, open.started_at),
      word: 'error',
      error,
    });
  }

  // It is heard of for the first time.
  #create(job: Job, startedAt: number, ref: string | null): Run {
    const run_id = runIdOf(job.job_id, startedAt);
    const retry = this.#retries.find((one) => one.job_id === job.job_id && answers(one, startedAt, ref));
    const byHand = isByHand(ref);
    const chained = this.#retries.find((one) => one.job_id === job.job_id && one.state === 'waiting');
    const nearest = retry !== undefined || byHand ? null : (slotOf(job.schedule, job.policy.grace_ms, startedAt) ?? null);
    // A gateway's own attempts come within the grace of the very slot that has failed.
    const own = chained !== undefined && (nearest === null || nearest === chained.slot);
    const slot = own ? null : nearest;
    const unscheduled = () => (this.#known.byHand(job, startedAt) ? 'manual' : 'unscheduled');
    const trigger =
      retry !== undefined ? 'retry' : byHand ? 'manual' : own ? 'source-retry' : slot !== null ? 'schedule' : unscheduled();
    const limit = limitOf(job.policy, this.#policy);
    const run: Run = {
      run_id,
      job_id: job.job_id,
      started_at: startedAt,
      slot,
      trigger,
      ref,
      ended_at: null,
      report: null,
      verdict: null,
      code: null,
      reason: null,
      output: null,
      limit_at: limit === undefined ? null : startedAt + limit,
      kill_asked_at: null,
      retry_of: retry?.run_id ?? null,
    };
    if (retry !== undefined) this.#changeRetry(retry, { state: 'started', retry_run_id: run_id, ended_at: null });
    if (slot !== null) this.#serve(job, slot);
    return this.#keep(run);
  }

  #serve(job: Job, slot: number): void {
    const next = nextSlot(job.schedule, slot) ?? null;
    this.#served.push({ job_id: job.job_id, slot, next, due_at: next === null ? null : next + job.policy.grace_ms });
  }

  #ended(job: Job, report: RunReport): Run {
    const known = this.#runs.get(runIdOf(job.job_id, report.started_at));
    if (known !== undefined && known.ended_at !== null) return known;
    return this.#end(job, known ?? this.#create(job, report.started_at, report.ref), report);
  }

  #end(job: Job, began: Run, report: RunReport): Run {
    const run = { ...began, trigger: triggerOf(began, report.ref) };
    const output = joined(run.output, report.output);
    const judgement = judgeRun({
      report: { ...report, output },
      policy: job.policy,
      // One that had ended before anybody asked for it was not ended by us, whenever we hear of it.
      killed: run.kill_asked_at !== null && report.ended_at >= run.kill_asked_at - EARLY_MS,
      past_limit: run.limit_at !== null && report.ended_at >= run.limit_at,
      timed: report.ended_at > report.started_at,
      hasOutput: this.#known.answers(job),
    });
    const { verdict, code, reason } = judgement;
    const ended = this.#keep({ ...run, ended_at: report.ended_at, report, verdict, code, reason, output: cut(output) });
    const ending = { ended_at: report.ended_at, output };
    const retry = run.retry_of === null ? undefined : this.#retries.find(({ run_id }) => run_id === run.retry_of);
    if (retry !== undefined) {
      const state = verdict === 'succeeded' ? 'succeeded' : 'failed';
      this.#changeRetry(retry, { state, retry_run_id: run.run_id, ended_at: report.ended_at });
    }
    if (verdict === 'succeeded') {
      const wasMissed = run.slot !== null && this.#known.missed.has(`${job.job_id} ${run.slot}`);
      this.#drafts.push(succeededDraft(job, run, ending, wasMissed));
      this.#clear(job, run.run_id);
      return ended;
    }
    const next = afterFailure(
      {
        judgement,
        trigger: run.trigger,
        retry_of: run.retry_of,
        ended_at: report.ended_at,
        policy: job.policy,
        startable: this.#known.startable(job),
        waiting: this.#retries.find(
          (one) => one.job_id === job.job_id && one.state === 'waiting' && run.trigger === 'source-retry',
        ),
        retry_after_ms: this.#policy.retry_after,
      },
      this.#now,
    );
    const retryAt = next.kind === 'final' ? null : next.due_at;
    this.#drafts.push(failedDraft(job, run, { ...ending, word: report.word, retry_at: retryAt }, judgement));
    if (next.kind === 'retry') this.#scheduleRetry(job, run, report.ended_at, next);
    // That it took too long stands already, as an alert of its own.
    if (next.kind === 'final' && verdict !== 'killed')
      this.#raise(job, ALERTS.result, 'failed', `${reason} (${next.reason})`, run.run_id);
    return ended;
  }

  #scheduleRetry(job: Job, run: Run, failedAt: number, { due_at, reason }: { due_at: number; reason: string }): void {
    const { run_id, job_id } = run;
    this.#newRetries.push({ run_id, job_id, failed_at: failedAt, due_at, reason });
    this.#retries.push({
      run_id,
      job_id,
      due_at,
      state: 'waiting',
      asked_at: null,
      ref: null,
      retry_run_id: null,
      slot: run.slot,
    });
    this.#drafts.push(retryDraft(job, run_id, due_at, reason, false));
  }

  #pinged(job: Job, fact: Extract<RunFact, { kind: 'ping' }>): Run {
    const named = this.#named(job, fact.ref);
    // The same end, told twice: whoever did not hear our answer asks again.
    if (named !== undefined && named.ended_at !== null) return named;
    const open = named ?? (fact.ref === null ? this.#newestOpen(job) : undefined);
    const started_at = open?.started_at ?? this.#free(job, fact.at - (fact.took ?? 0));
    const report: RunReport = {
      ...blankReport(job.external_id, started_at),
      ended_at: Math.max(fact.at, started_at),
      word: fact.word,
      output: fact.output,
      error: fact.word === 'error' ? fact.output?.trim().slice(-500) || `exit code ${fact.exit_code ?? 'unknown'}` : null,
      exit_code: fact.exit_code,
      ref: fact.ref,
    };
    return this.#end(job, open ?? this.#create(job, started_at, fact.ref), report);
  }

  #logged(job: Job, { ref, text }: Extract<RunFact, { kind: 'log' }>): Run | undefined {
    const open = this.#named(job, ref) ?? this.#newestOpen(job);
    if (open === undefined || open.ended_at !== null) return open;
    return this.#keep({ ...open, output: cut(`${open.output ?? ''}${text}`) });
  }

  #named(job: Job, ref: string | null): Run | undefined {
    if (ref === null) return undefined;
    return [...this.#runs.values()].find((run) => run.job_id === job.job_id && run.ref === ref);
  }

  #newestOpen(job: Job): Run | undefined {
    const open = [...this.#runs.values()].filter((run) => run.job_id === job.job_id && run.ended_at === null);
    return open.toSorted((a, b) => b.started_at - a.started_at)[0];
  }

  // Two heartbeats of one millisecond are two runs.
  #free(job: Job, at: number): number {
    let time = at;
    while (this.#runs.has(runIdOf(job.job_id, time))) time += 1;
    return time;
  }

  #keep(run: Run): Run {
    this.#runs.set(run.run_id, run);
    this.#changed.set(run.run_id, run);
    return run;
  }

  #changeRetry(retry: WaitingRetry, change: Omit<RetryChange, 'run_id'>): void {
    const index = this.#retries.indexOf(retry);
    this.#retries[index] = { ...retry, state: change.state, retry_run_id: change.retry_run_id };
    this.#retryChanges.push({ run_id: retry.run_id, ...change });
  }

  // Said once: it stands until a run succeeds.
  #raise(job: Job, metric: AlertMetric, status: string, found: string, occasion: string): void {
    const standing = this.#standing(job);
    if (standing.includes(metric)) return;
    this.#drafts.push(alertDraft(job, metric, { status, expected: 'a run that succeeds', found, at: this.#now }, occasion));
    this.#raised.set(job.job_id, [...standing, metric]);
  }

  #clear(job: Job, occasion: string): void {
    for (const metric of this.#standing(job)) {
      const facts = { status: 'ok', expected: 'a run that succeeds', found: 'it has succeeded', at: this.#now };
      this.#drafts.push(alertDraft(job, metric as AlertMetric, facts, `over ${occasion}`));
    }
    if (this.#standing(job).length > 0) this.#raised.set(job.job_id, []);
  }

  #standing({ job_id }: Job): readonly string[] {
    return this.#raised.get(job_id) ?? this.#known.raised.get(job_id) ?? [];
  }
}
