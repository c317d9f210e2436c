import { parseSchedule } from '@ops/shared/schedule';
import { makeReview, type Reviewer, reviewWindow } from '../../on/weekly-review.js';
import { forgetOld } from '../../state/retention.js';
import type { SourceJob } from '../source.js';
import type { OwnTask } from './own-work.js';

/** What the supervisor itself does on a schedule: the weekly review, and letting go of what is old. */
export function ownTasks(self: Reviewer & { readonly database: Parameters<typeof forgetOld>[0] }): readonly OwnTask[] {
  const { database, clock, config } = self;
  const { review, history } = config.cron;
  return [
    {
      job: jobOf(
        'weekly-review',
        'looks for what drifts, fails now and then, is missed or says nothing',
        review.schedule,
        review.time_zone,
      ),
      async run() {
        const { review_id, made } = await makeReview(self, reviewWindow(config.cron, clock.now()));
        return `${review_id} ${made ? 'was made' : 'was there already'}`;
      },
    },
    {
      job: jobOf('forget-old', 'lets go of runs that are older than cron.history', '40 4 * * *', 'UTC'),
      run: async () => `${await forgetOld(database, clock.now(), history)} rows were let go`,
    },
  ];
}

function jobOf(id: string, purpose: string, schedule: string, zone: string): SourceJob {
  return {
    id,
    name: id,
    purpose,
    agent: null,
    enabled: true,
    schedule: parseSchedule(schedule, zone),
    start_tolerance_ms: 0,
    timeout_ms: null,
    may_be_empty: false,
  };
}
