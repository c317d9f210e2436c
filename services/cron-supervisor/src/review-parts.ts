import { HttpError } from '@ops/shared/runtime';
import type { CronSupervisor } from './cron-supervisor.js';
import type { Applier } from './on/apply-proposal.js';
import type { Reviewer } from './on/weekly-review.js';
import { HEARTBEAT } from './sources/heartbeat/heartbeat-source.js';

/**
 * The supervisor, as reviews and proposals need it: what a source lets be changed, and where ops.yaml has the last word.
 * @param changed a job of a source is not what it was: it is to be read again
 */
export function reviewParts(
  self: Pick<CronSupervisor, 'database' | 'clock' | 'log' | 'config' | 'registry' | 'sources'>,
  changed: (source: string) => Promise<void> = async () => undefined,
): Reviewer & Applier {
  const { registry, sources, config } = self;
  const sourceOf = (jobId: string) => sources.get(registry.jobs.get(jobId)?.source ?? '');
  return {
    ...self,
    canChange: (jobId) => sourceOf(jobId)?.change !== undefined,
    async change(jobId, change) {
      const job = registry.jobs.get(jobId);
      const source = sourceOf(jobId);
      if (job === undefined || source?.change === undefined)
        throw new HttpError(409, 'NOT_CHANGED', `${jobId} is changed where it comes from: its source takes no changes`);
      await source.change(job.external_id, change);
      await changed(job.source);
    },
    applied(jobId) {
      const source = sourceOf(jobId);
      if (source === undefined) return;
      changed(source.name).catch((error: unknown) =>
        self.log.error({ job: jobId, error }, 'a job could not be read again after a change'),
      );
    },
    expectedGivenAt(jobId) {
      const job = registry.jobs.get(jobId);
      if (job === undefined) return undefined;
      const { job_id, source, external_id, name } = job;
      const rule = config.cron.rules.findIndex(
        (one) => one.expected !== undefined && (one.job === job_id || one.job === `${source}/${name}`),
      );
      if (rule >= 0) return `cron.rules[${rule}].expected`;
      const own = config.cron.jobs.findIndex(
        (one) => source === HEARTBEAT && one.id === external_id && one.expected !== undefined,
      );
      return own < 0 ? undefined : `cron.jobs[${own}].expected`;
    },
  };
}
