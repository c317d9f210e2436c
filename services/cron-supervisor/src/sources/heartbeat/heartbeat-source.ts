import type { HeartbeatJob, OpsConfig } from '@ops/shared/config';
import type { Database } from '../../state/tables.js';
import { addedJobs } from './added-jobs.js';
import type { KillOrders } from './kill-orders.js';
import { listed } from './listed.js';
import { PingedSource } from './pinged-source.js';

/** The name of the source of jobs that ops.yaml names, and of those that a command has added. */
export const HEARTBEAT = 'heartbeat';

/** Jobs of ops.yaml and added ones, which tell of their runs by `POST /ping/<id>`. An added one with an id of ops.yaml is an issue. */
export function heartbeatSource(config: Pick<OpsConfig, 'cron'>, database: Database, orders: KillOrders): PingedSource {
  const { jobs } = config.cron;
  const commands = new Map<string, HeartbeatJob>(jobs.map((job) => [job.id, job]));
  return new PingedSource({
    name: HEARTBEAT,
    orders,
    async list() {
      const added = await addedJobs(database);
      const fresh = added.jobs.filter(({ id }) => !commands.has(id));
      const doubles = added.jobs.filter(({ id }) => commands.has(id));
      const issues = doubles.map(({ id }) => ({
        path: `cron_added.${id}.id`,
        value: id,
        expected: 'an id that ops.yaml has not',
      }));
      return {
        jobs: [...jobs.map((job) => listed(job, 'ops.yaml')), ...fresh.map((job) => listed(job, 'added'))],
        issues: [...added.issues, ...issues],
        unread: added.unread,
        from: 'source',
      };
    },
    // Only ops.yaml names what is run here: whoever may add a job may not run programs.
    commandOf(id) {
      const { command, folder } = commands.get(id) ?? {};
      return command === undefined ? undefined : { command, folder };
    },
  });
}
