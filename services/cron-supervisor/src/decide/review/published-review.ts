import type { EventData } from '@ops/shared/events';
import type { Review } from './review.js';

type Published = EventData<'cron.review-published'>;

/** Of the 256 KiB that an entry of the bus may have, for each of the two lists; the report takes the rest. */
const MOST_LIST_BYTES = 60_000;
const MOST_REPORT_BYTES = 90_000;
const LONGEST_SENTENCE = 2000;

/** A review as it is said on the bus: the worst of it where all of it is too much. The whole is in the database. */
export function publishedReview({ review_id, window, jobs, runs, findings, proposals }: Review, report: string): Published {
  return {
    review_id,
    from: new Date(window.from).toISOString(),
    to: new Date(window.to).toISOString(),
    jobs: jobs.length,
    runs,
    findings: thatFit(findings.map(({ weight: _own, text, ...rest }) => ({ ...rest, text: text.slice(0, LONGEST_SENTENCE) }))),
    proposals: thatFit(
      proposals.map(({ proposal_id, job_id, change, current, proposed, reason }) => ({
        proposal_id,
        job_id,
        kind: change.kind,
        current: current.slice(0, 500),
        proposed: proposed.slice(0, 500),
        reason: reason.slice(0, LONGEST_SENTENCE),
      })),
    ),
    report: linesThatFit(report),
  };
}

const MOST_ITEMS = 500;
const encoder = new TextEncoder();

function thatFit<T>(items: readonly T[]): T[] {
  let left = MOST_LIST_BYTES;
  const fit: T[] = [];
  for (const item of items.slice(0, MOST_ITEMS)) {
    left -= bytes(JSON.stringify(item));
    if (left < 0) break;
    fit.push(item);
  }
  return fit;
}

function linesThatFit(report: string): string {
  if (bytes(report) <= MOST_REPORT_BYTES) return report;
  const lines: string[] = [];
  let left = MOST_REPORT_BYTES;
  for (const line of report.split('\n')) {
    left -= bytes(line) + 1;
    if (left < 0) break;
    lines.push(line);
  }
  return `${lines.join('\n')}\n\nIt goes on: \`ops cron review\` shows all of it.\n`;
}

const bytes = (text: string) => encoder.encode(text).length;
