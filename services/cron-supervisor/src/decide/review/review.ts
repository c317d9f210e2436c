import { collisionFindings, collisions } from './collisions.js';
import type { Finding } from './finding.js';
import { inWindow, type JobHistory, type ReviewWindow } from './history.js';
import { jobFindings } from './job-findings.js';
import { type LimitRules, limitProposals } from './limit-proposals.js';
import type { Draft, Proposal } from './proposal.js';
import { runtimeChange } from './runtime-change.js';
import { scheduleProposals } from './schedule-proposals.js';
import { type BusyJob, busiest, busyJob } from './served-runs.js';

/** What is found of one job by itself. */
export interface JobReview {
  readonly job_id: string;
  readonly name: string;
  /** Runs in the window. */
  readonly runs: number;
  readonly findings: readonly Finding[];
  readonly drafts: readonly Draft[];
}

export interface Review {
  /** The same for the same window. */
  readonly review_id: string;
  readonly window: ReviewWindow;
  readonly jobs: readonly Pick<JobReview, 'job_id' | 'name' | 'runs'>[];
  /** In the window, of all jobs. */
  readonly runs: number;
  /** Worst first. */
  readonly findings: readonly Finding[];
  readonly proposals: readonly Proposal[];
}

/** What the review needs to know beside the histories. */
export interface ReviewFacts {
  /** When findings of the review before, as {@link findingKey}, were first made: `2026-11-23`. */
  readonly known: ReadonlyMap<string, string>;
  /** A short digest of a text: letters and digits, the same for the same text. */
  readonly digest: (text: string) => string;
  /** Changes that an operator has said no to, as {@link changeKey}: they are not proposed again. */
  readonly dismissed: ReadonlySet<string>;
  /** Whether schedule and limit of a job can be changed at its source: else nobody can apply such a proposal. */
  readonly canChange: (job_id: string) => boolean;
}

/** Looks at one job, whose history may be forgotten afterwards; `busy` is what the jobs are looked at together by. */
export function reviewJob(
  history: JobHistory,
  window: ReviewWindow,
  rules: LimitRules,
): { readonly review: JobReview; readonly busy: BusyJob } {
  const change = runtimeChange(history, window);
  const { job_id, name } = history;
  return {
    review: {
      job_id,
      name,
      runs: inWindow(history.runs, window).length,
      findings: jobFindings(history, change, window),
      drafts: limitProposals(history, change, window, rules),
    },
    busy: busyJob(history, window),
  };
}

/** Puts together what was found of each job and of all of them. */
export function composeReview(
  jobs: readonly JobReview[],
  busy: readonly BusyJob[],
  window: ReviewWindow,
  { known, digest, dismissed, canChange }: ReviewFacts,
): Review {
  const together = busiest(busy);
  const found = collisions(together);
  const drafts = [...jobs.flatMap((job) => job.drafts), ...scheduleProposals(found, together)];
  const today = dateOf(window.to);
  const findings = [...jobs.flatMap((job) => job.findings), ...collisionFindings(found)].map((one) => ({
    ...one,
    facts: { ...one.facts, first_found: known.get(findingKey(one)) ?? today },
  }));
  findings.sort((a, b) => b.weight - a.weight || a.job_id.localeCompare(b.job_id) || a.kind.localeCompare(b.kind));
  const place = new Map(findings.map(({ job_id }, index) => [job_id, index] as const).reverse());
  const proposals = drafts
    .filter((draft) => !dismissed.has(changeKey(draft)) && (draft.change.kind === 'expected' || canChange(draft.job_id)))
    .map((draft): Proposal => ({ proposal_id: digest(`${weekOf(window.to)} ${draft.job_id} ${draft.change.kind}`), ...draft }))
    .sort((a, b) => (place.get(a.job_id) ?? findings.length) - (place.get(b.job_id) ?? findings.length));
  return {
    review_id: `${today}-${digest(`${window.from} ${window.to}`)}`,
    window,
    jobs: jobs.map(({ job_id, name, runs }) => ({ job_id, name, runs })),
    runs: jobs.reduce((sum, { runs }) => sum + runs, 0),
    findings,
    proposals,
  };
}

/** By what a change is known again in a later review. */
export function changeKey({ job_id, change, proposed }: Pick<Draft, 'job_id' | 'change' | 'proposed'>): string {
  return `${job_id} ${change.kind} ${proposed}`;
}

/** By what a finding is known again in the next review. */
export function findingKey({ job_id, kind }: Pick<Finding, 'job_id' | 'kind'>): string {
  return `${job_id} ${kind}`;
}

/** `2026-11-30`, in UTC. */
export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const DAY_MS = 86_400_000;

// The Monday of the last day that it looks at, in UTC; day 0 of the epoch was a Thursday.
function weekOf(to: number): string {
  const day = Math.floor((to - 1) / DAY_MS);
  return dateOf((day - ((day + 3) % 7)) * DAY_MS);
}
