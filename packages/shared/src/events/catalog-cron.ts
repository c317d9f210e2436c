import type { CatalogEntry } from './catalog-entry.js';
import { STREAMS } from './keys.js';
import {
  cronRetryScheduled,
  cronReviewPublished,
  cronRunFailed,
  cronRunKilled,
  cronRunMissed,
  cronRunOverran,
  cronRunStarted,
  cronRunSucceeded,
} from './schemas/cron.js';

/** Runs of scheduled jobs. */
export const cronEvents = {
  'cron.run-started': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunStarted,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run of a scheduled job has begun.',
  },
  'cron.run-succeeded': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunSucceeded,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run did its work: its source says so, and its output is what it should be.',
  },
  'cron.run-failed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunFailed,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run did not do its work, whatever its source calls it.',
  },
  'cron.run-missed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunMissed,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A slot of a schedule passed, and its grace with it, and no run had begun; said once for each slot.',
  },
  'cron.run-overran': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunOverran,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run takes longer than its limit.',
  },
  'cron.run-killed': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRunKilled,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A run past its limit was ended, or could not be, with the evidence.',
  },
  'cron.retry-scheduled': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronRetryScheduled,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'A failed run is tried once more, at this time; said again where that is put off.',
  },
  'cron.review-published': {
    stream: STREAMS.cron,
    version: 1,
    schema: cronReviewPublished,
    from: 'cron-supervisor',
    outward: 'nucleus, chief-of-staff, operators',
    meaning: 'The weekly look at all jobs: what drifts, fails now and then, is missed, or says nothing; and what is proposed.',
  },
} as const satisfies Record<string, CatalogEntry>;
