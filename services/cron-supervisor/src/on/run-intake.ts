import type { OpsConfig } from '@ops/shared/config';
import type { Clock, Logger } from '@ops/shared/runtime';
import { isUnavailable, RetryableError } from '@ops/shared/streams';
import type { ByHand } from '../by-hand.js';
import type { Job } from '../cron-types.js';
import { planIntake } from '../decide/intake.js';
import type { IntakeFacts, Run, RunFact } from '../decide/intake-types.js';
import { slotOf } from '../decide/slots.js';
import type { Registry } from '../registry.js';
import { holdRuns, readKnown, storePlan } from '../state/runs.js';
import type { Database } from '../state/tables.js';

const BATCH = 250;
// What a deaf PostgreSQL is waited for. Whoever pings is told, and pings again.
const MOST_WAITING = 20_000;

export interface IntakeDeps {
  readonly database: Database;
  readonly registry: Registry;
  readonly config: Pick<OpsConfig, 'cron'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly startable: IntakeFacts['startable'];
  readonly answers: IntakeFacts['answers'];
  readonly byHand: ByHand;
  /** Something was stored that is to be said, or a retry that is to be waited for. */
  readonly stored: (retries: readonly { readonly run_id: string; readonly due_at: number }[]) => void;
}

interface Waiting {
  readonly fact: RunFact;
  readonly resolve: (run: Run | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes facts about runs, many at once: whatever comes while PostgreSQL stores the last ones is stored together. Resolves once a fact
 * is on disk.
 */
export class RunIntake {
  readonly #deps: IntakeDeps;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;

  constructor(deps: IntakeDeps) {
    this.#deps = deps;
  }

  /** The run that the fact was about; undefined for a job that nobody knows. Rejects where PostgreSQL is away: nothing was stored. */
  take(fact: RunFact): Promise<Run | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= MOST_WAITING) {
        return reject(
          new RetryableError('INTAKE_FULL', 'too many facts about runs wait for PostgreSQL: tell it again in a moment'),
        );
      }
      this.#waiting.push({ fact, resolve, reject });
      this.#working ??= this.#work();
    });
  }

  async #work(): Promise<void> {
    // Whoever comes in the same turn of the event loop goes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      try {
        const runs = await this.#store(batch.map(({ fact }) => fact));
        for (const [index, { resolve }] of batch.entries()) resolve(runs[index]);
      } catch (error) {
        if (isUnavailable(error) || batch.length === 1) for (const { reject } of batch) reject(error);
        else await this.#oneByOne(batch);
      }
    }
    this.#working = undefined;
  }

  // What one of them has must not be the others' loss.
  async #oneByOne(batch: readonly Waiting[]): Promise<void> {
    for (const { fact, resolve, reject } of batch) {
      try {
        resolve((await this.#store([fact]))[0]);
      } catch (error) {
        this.#deps.log.error({ job: fact.job_id, kind: fact.kind, error }, 'a fact about a run cannot be stored');
        reject(error);
      }
    }
  }

  async #store(facts: readonly RunFact[]): Promise<readonly (Run | undefined)[]> {
    const { database, registry, config, clock, startable, answers, byHand } = this.#deps;
    const { jobs } = registry;
    const plan = await database.transaction().execute(async (transaction) => {
      await holdRuns(transaction);
      const now = clock.now();
      const known = await readKnown(transaction, facts, lateSlots(facts, jobs, now));
      const asked: IntakeFacts['byHand'] = ({ job_id }, startedAt) => byHand.has(job_id, startedAt);
      const made = planIntake(facts, { ...known, jobs, startable, answers, byHand: asked }, policyOf(config), now);
      await storePlan(transaction, made);
      return made;
    });
    for (const { job_id, trigger } of plan.runs) if (trigger === 'manual') byHand.forget(job_id);
    if (plan.drafts.length > 0 || plan.retries.length > 0) this.#deps.stored(plan.retries);
    return plan.about;
  }
}

function policyOf({ cron }: Pick<OpsConfig, 'cron'>) {
  return { overrun: cron.overrun, retry_after: cron.retry_after };
}

// Only of what is learned after its grace somebody can have said that it was missed.
function lateSlots(facts: readonly RunFact[], jobs: ReadonlyMap<string, Job>, now: number) {
  return facts.flatMap((fact) => {
    const job = jobs.get(fact.job_id);
    if (fact.kind !== 'ended' || job === undefined) return [];
    const began = fact.report.started_at;
    if (now <= began + job.policy.grace_ms) return [];
    const slot = slotOf(job.schedule, job.policy.grace_ms, began);
    return slot === undefined ? [] : [{ job_id: fact.job_id, slot }];
  });
}
