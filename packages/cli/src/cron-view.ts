import { ago, columns, span, tinted } from './output.js';

export interface JobView {
  readonly job_id: string;
  readonly name: string;
  readonly source: string;
  readonly purpose: string;
  readonly agent: string | null;
  readonly enabled: boolean;
  readonly schedule: string;
  readonly next_at: string | null;
  readonly expected_ms: number | null;
  readonly expected_from: string;
  readonly limit_ms: number | null;
  readonly grace_ms: number;
  readonly class: string;
  readonly problem: string | null;
  readonly raised: readonly string[];
  readonly last_at: string | null;
  readonly last_verdict: string | null;
  readonly last_reason: string | null;
  readonly last_ms: number | null;
  readonly running_since: string | null;
  readonly failed: number;
  readonly missed: number;
  readonly strip: string;
  readonly retry_at: string | null;
}

export interface RunView {
  readonly run_id: string;
  readonly job_id: string;
  readonly started_at: string;
  readonly slot: string | null;
  readonly trigger: string;
  readonly ended_at: string | null;
  readonly verdict: string | null;
  readonly word: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  readonly output: string | null;
}

export interface MissedView {
  readonly job_id: string;
  readonly slot: string;
  readonly reason: string;
  readonly unseen: boolean;
}

export interface JobDetail extends JobView {
  readonly runs: readonly RunView[];
  readonly missed_slots: readonly MissedView[];
}

const NAMES: Readonly<Record<string, string>> = { 'cron-result': 'failed', 'cron-schedule': 'missed', 'cron-runtime': 'overran' };

/** How a job stands, in a word. */
function stateOf(job: JobView): string {
  if (job.problem !== null) return 'broken';
  if (!job.enabled) return 'off';
  if (job.raised.length > 0) return job.raised.map((metric) => NAMES[metric] ?? metric).join('+');
  if (job.retry_at !== null) return 'retrying';
  if (job.running_since !== null) return 'running';
  return job.last_verdict === null ? 'new' : job.last_verdict === 'succeeded' ? 'ok' : job.last_verdict;
}

/** The jobs as a table: what is wrong comes first. */
export function jobsText(jobs: readonly JobView[]): string {
  const now = Date.now();
  const rows = jobs.map((job) => [
    shortened(job.job_id, job.name),
    tinted(stateOf(job)),
    job.strip,
    job.last_at === null ? '-' : `${ago(job.last_at, now)} ago`,
    job.running_since === null ? (job.last_ms === null ? '-' : span(job.last_ms / 1000)) : `${ago(job.running_since, now)}…`,
    job.expected_ms === null ? '-' : span(job.expected_ms / 1000),
    job.next_at === null ? '-' : `in ${span(Math.max(0, (Date.parse(job.next_at) - now) / 1000))}`,
    job.schedule,
    (job.problem ?? (stateOf(job) === 'ok' ? job.purpose : job.last_reason) ?? '').slice(0, 60),
  ]);
  return columns(['JOB', 'STATE', 'LAST 10', 'LAST', 'TOOK', 'EXPECTED', 'NEXT', 'SCHEDULE', 'WHAT'], rows);
}

// An id of a gateway is a UUID: its name says more.
function shortened(jobId: string, name: string): string {
  const [source = '', id = ''] = [jobId.slice(0, jobId.indexOf('/')), jobId.slice(jobId.indexOf('/') + 1)];
  return id === name ? jobId : `${source}/${name}`;
}

/** Runs and missed slots as one table, newest first. */
export function runsText(runs: readonly RunView[], missed: readonly MissedView[]): string {
  const now = Date.now();
  const lines = [
    ...runs.map((run) => ({
      at: run.started_at,
      row: [
        run.run_id.slice(0, 8),
        run.job_id,
        tinted(run.verdict ?? 'running'),
        `${ago(run.started_at, now)} ago`,
        run.ended_at === null ? '' : span((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000),
        run.trigger,
        run.word ?? '',
        run.verdict === 'succeeded' ? '' : (run.reason ?? '').split('\n')[0]?.slice(0, 80),
      ],
    })),
    ...missed.map(({ job_id, slot, reason, unseen }) => ({
      at: slot,
      row: ['', job_id, unseen ? 'unseen' : tinted('missing'), `${ago(slot, now)} ago`, '', 'schedule', '', reason.slice(0, 80)],
    })),
  ];
  if (lines.length === 0) return 'no runs yet';
  const sorted = lines.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at)).map(({ row }) => row.map((cell) => cell ?? ''));
  return columns(['RUN', 'JOB', 'VERDICT', 'BEGAN', 'TOOK', 'BY', 'SOURCE SAYS', 'WHY'], sorted);
}

/** One job, with its last runs. */
export function jobText(job: JobDetail): string {
  const expected = job.expected_ms === null ? 'not known yet' : `${span(job.expected_ms / 1000)} (${job.expected_from})`;
  const limit = job.limit_ms === null ? 'none' : span(job.limit_ms / 1000);
  return [
    `${job.job_id}  ${job.name}  ${tinted(stateOf(job))}`,
    ...(job.purpose === '' ? [] : [job.purpose]),
    ...(job.problem === null ? [] : [job.problem]),
    `schedule ${job.schedule}, next ${job.next_at ?? 'never'}; grace ${span(job.grace_ms / 1000)}; ${job.class}${job.agent === null ? '' : `; agent ${job.agent}`}`,
    `expected ${expected}; ended after ${limit}${job.retry_at === null ? '' : `; tried again at ${job.retry_at}`}`,
    '',
    runsText(job.runs, job.missed_slots),
    ...(job.runs[0]?.output ? ['', 'last output:', job.runs[0].output.slice(-2000)] : []),
  ].join('\n');
}
