import { issueLine } from '@ops/shared/events';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { RunFact } from '../decide/intake-types.js';
import type { SourceListener } from '../sources/source.js';

const TRIES = 6;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5000;

export interface SourceNudges {
  /** Its jobs are to be read again. */
  readonly jobs: () => void;
  /** It is (back) there: whatever happened meanwhile is to be asked for. */
  readonly reconcile: () => void;
  /** From now on it can tell us of ends. */
  readonly heard: () => void;
}

/** What a source tells, as facts about runs. What cannot be stored now is tried again, and found by the next look at the source otherwise. */
export function listenTo(self: CronSupervisor, source: string, nudges: SourceNudges): SourceListener {
  const take = (fact: RunFact) => void store(self, source, fact, nudges);
  return {
    began: ({ job, started_at }, ref) => take({ kind: 'began', job_id: `${source}/${job}`, started_at, ref }),
    ended: (report) => take({ kind: 'ended', job_id: `${source}/${report.job}`, report }),
    jobsChanged: nudges.jobs,
    connected: () => {
      nudges.heard();
      nudges.jobs();
      nudges.reconcile();
    },
    lost: (why) => {
      self.log.warn({ source, why }, 'a source of scheduled jobs is away');
      nudges.jobs();
    },
    garbled: (issue) => self.log.warn({ source, line: issueLine(issue) }, 'a source of scheduled jobs said what makes no sense'),
  };
}

async function store(self: CronSupervisor, source: string, fact: RunFact, nudges: SourceNudges): Promise<void> {
  // Whoever can be asked afterwards is asked; what the others have told must be kept until it is stored.
  const most = self.answers({ source }) ? TRIES : Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < most && !self.signal.aborted; tries += 1) {
    try {
      if ((await self.intake.take(fact)) === undefined && fact.kind !== 'log') {
        // A job that was added a moment ago.
        nudges.jobs();
        nudges.reconcile();
      }
      return;
    } catch (error) {
      self.log.debug({ error, job: fact.job_id }, 'a fact about a run waits for PostgreSQL');
      await self.clock.sleep(Math.min(FIRST_PAUSE_MS * 2 ** Math.min(tries, 10), LONGEST_PAUSE_MS), self.signal);
    }
  }
  nudges.reconcile();
}
