import { type EventDraft, showNulInText } from '@ops/shared/events';
import { RetryableError } from '@ops/shared/streams';
import type { Deployment, Step } from '../deployment-types.js';
import { addEvents, type Change, columns } from './deployments.js';
import type { ProjectLease } from './leases.js';
import { writeRecord } from './record.js';
import type { Database, StepTable } from './tables.js';

/** Another deployer has the project: whatever this one still wanted to do is the other's to do. */
export class LeaseLostError extends RetryableError {
  constructor(lane: string) {
    super('LEASE_LOST', 'the project is in the hands of another deployer', { fields: { lane } });
  }
}

/**
 * The journal of one deployment in one pair of hands. A step is written before its side effects and after them; every write proves
 * in its own transaction that the lease is still ours.
 */
export class Journal {
  readonly #database: Database;
  readonly #lease: ProjectLease;
  readonly #id: string;

  constructor(database: Database, lease: ProjectLease, deploymentId: string) {
    this.#database = database;
    this.#lease = lease;
    this.#id = deploymentId;
  }

  /** Writes that a step begins. Returns its number, and when it first began where an earlier holder began it already. */
  async begin(step: Step, at: Date): Promise<{ n: number; beganAt: Date }> {
    return this.#fenced(async (transaction) => {
      const last = await transaction
        .selectFrom('deployment_step')
        .selectAll()
        .where('deployment_id', '=', this.#id)
        .orderBy('n', 'desc')
        .executeTakeFirst();
      if (last !== undefined && last.step === step && last.ended_at === null) return { n: last.n, beganAt: last.began_at };
      const n = (last?.n ?? 0) + 1;
      await transaction
        .insertInto('deployment_step')
        .values({
          deployment_id: this.#id,
          n,
          step,
          fence: this.#lease.fence,
          began_at: at,
          ended_at: null,
          outcome: null,
          detail: null,
        })
        .execute();
      return { n, beganAt: at };
    });
  }

  /** Writes how a step ended, with the change that it makes and what is to be said. */
  async end(
    n: number,
    result: { outcome: string; detail: string; at: Date },
    change: Change,
    drafts: readonly EventDraft[],
  ): Promise<Deployment> {
    return this.#fenced(async (transaction) => {
      await transaction
        .updateTable('deployment_step')
        .set({ ended_at: result.at, outcome: result.outcome, detail: showNulInText(result.detail) })
        .where('deployment_id', '=', this.#id)
        .where('n', '=', n)
        .execute();
      await addEvents(transaction, this.#id, drafts);
      return this.#change(transaction, change);
    });
  }

  /** Writes a change in the middle of a step: an intention before a side effect. */
  async note(change: Change, drafts: readonly EventDraft[] = []): Promise<Deployment> {
    return this.#fenced(async (transaction) => {
      await addEvents(transaction, this.#id, drafts);
      return this.#change(transaction, change);
    });
  }

  /** Writes the end of it: verdict, record, and what else goes with it, in one. */
  async close(
    change: Change,
    record: object,
    drafts: readonly EventDraft[],
    more: (transaction: Database) => Promise<void>,
  ): Promise<Deployment> {
    return this.#fenced(async (transaction) => {
      await addEvents(transaction, this.#id, drafts);
      await more(transaction);
      await writeRecord(transaction, this.#id, record);
      return this.#change(transaction, change);
    });
  }

  async #change(transaction: Database, change: Change): Promise<Deployment> {
    const query =
      Object.keys(change).length === 0
        ? transaction.selectFrom('deployment').selectAll().where('deployment_id', '=', this.#id)
        : transaction.updateTable('deployment').set(columns(change)).where('deployment_id', '=', this.#id).returningAll();
    return (await query.executeTakeFirstOrThrow()) as unknown as Deployment;
  }

  async #fenced<T>(work: (transaction: Database) => Promise<T>): Promise<T> {
    return this.#database.transaction().execute(async (transaction) => {
      if (!(await this.#lease.isOursIn(transaction))) throw new LeaseLostError(this.#lease.lane);
      return work(transaction);
    });
  }
}

/** The steps of a deployment, in order. */
export async function stepsOf(database: Database, deploymentId: string): Promise<readonly StepTable[]> {
  return database.selectFrom('deployment_step').selectAll().where('deployment_id', '=', deploymentId).orderBy('n').execute();
}
