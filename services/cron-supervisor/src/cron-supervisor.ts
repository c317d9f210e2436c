import type { ServiceContext } from '@ops/shared/runtime';
import type { ByHand } from './by-hand.js';
import type { Job } from './cron-types.js';
import type { RunIntake } from './on/run-intake.js';
import type { Registry } from './registry.js';
import type { KillOrders } from './sources/heartbeat/kill-orders.js';
import type { OwnWork } from './sources/own/own-work.js';
import type { JobSource } from './sources/source.js';
import type { Database } from './state/tables.js';

/** The supervisor with what it works with. */
export interface CronSupervisor extends Omit<ServiceContext, 'database'> {
  readonly database: Database;
  readonly registry: Registry;
  readonly intake: RunIntake;
  readonly byHand: ByHand;
  /** By their names. */
  readonly sources: ReadonlyMap<string, JobSource>;
  /** Our own scheduled work; one of the sources. */
  readonly own: OwnWork;
  readonly orders: KillOrders;
  /** Something was written that is to be said. */
  readonly said: () => void;
  /** Whether the output of a source's runs is an answer, as an agent's; and whether it can be asked what has run. */
  readonly answers: (job: Pick<Job, 'source'>) => boolean;
}
