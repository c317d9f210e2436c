import { HttpError } from '@ops/shared/runtime';
import { type Request, type Router, text as textBody } from 'express';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import type { Run, RunFact } from '../decide/intake-types.js';
import { limitOf } from '../decide/limit.js';
import { HEARTBEAT } from '../sources/heartbeat/heartbeat-source.js';
import { OWN } from '../sources/own/own-work.js';
import { isGone, jobFromRow, storedJobs } from '../state/jobs.js';
import { openKill } from '../state/kills.js';
import { mustBeRead, passing } from './passing.js';

const MOST_BODY = '100kb';
const LONGEST_WAIT_MS = 25_000;
const LONGEST_RUN_MS = 30 * 86_400_000;
const LONGEST_AGO_MS = 86_400_000;
const REF = /^[A-Za-z0-9._:-]{1,100}$/;

/**
 * Heartbeats, after the manner of healthchecks.io: POST /ping/<id> says that a run went well, /start that one begins, /fail that it did
 * not go well, /<exit code> either, /log adds to its output. The body, where there is one, is the run's output. `?run=<name>` tells
 * runs apart: the same end told twice is one. `?took=<ms>` with an end says when it began, where that was not told; `?ago=<ms>` with
 * anything, how long ago it was: whoever could not reach us tells later. It is answered once it is on disk.
 */
export function pingRoutes(router: Router, self: CronSupervisor): void {
  const body = textBody({ type: () => true, limit: MOST_BODY });

  router.post('/ping/:job', body, async (request, response) => {
    response.json(await taken(self, request, (job, ref, output) => ping(job, ref, output, 0, request)));
  });

  router.post('/ping/:job/:what', body, async (request, response) => {
    const what = String(request.params.what);
    const code = /^\d{1,3}$/.test(what) ? Number(what) : undefined;
    if (!['start', 'fail', 'log', 'success'].includes(what) && (code === undefined || code > 255)) {
      throw new HttpError(
        400,
        'BAD_REQUEST',
        `/ping/<id>/${what.slice(0, 50)}: expected start, fail, success, log or an exit code from 0 to 255`,
      );
    }
    response.json(
      await taken(self, request, (job, ref, output): RunFact => {
        const at = atOf(request);
        if (what === 'start') return { kind: 'began', job_id: job.job_id, started_at: at, ref };
        if (what === 'log') return { kind: 'log', job_id: job.job_id, at, ref, text: output ?? '' };
        return ping(job, ref, output, what === 'success' ? 0 : what === 'fail' ? 1 : (code ?? 1), request);
      }),
    );
  });

  // Whoever runs a job under `ops cron exec` waits here for the order to end it.
  router.get('/ping/:job/orders', async (request, response) => {
    const run = String(request.query.run_id ?? '');
    const had = String(request.query.had ?? '');
    // Asked for before anybody waited, or by another supervisor.
    const open = await openKill(self.database, run);
    const way = open === undefined ? undefined : open.hard === null ? 'gentle' : 'hard';
    if (way !== undefined && way !== had && had !== 'hard') return void response.json({ order: { way } });
    const patience = AbortSignal.any([AbortSignal.timeout(LONGEST_WAIT_MS), self.signal]);
    const gone = new AbortController();
    response.on('close', () => gone.abort());
    const order = await self.orders.wait(run, AbortSignal.any([patience, gone.signal]));
    if (!gone.signal.aborted) response.json({ order: order ?? null });
  });

  function atOf(request: Request): number {
    return self.clock.now() - (msOf(request, 'ago', LONGEST_AGO_MS) ?? 0);
  }

  function ping({ job_id }: Job, ref: string | null, output: string | null, exit_code: number, request: Request): RunFact {
    const took = msOf(request, 'took', LONGEST_RUN_MS);
    return { kind: 'ping', job_id, at: atOf(request), took, ref, word: exit_code === 0 ? 'ok' : 'error', exit_code, output };
  }
}

async function taken(
  self: CronSupervisor,
  request: Request,
  factOf: (job: Job, ref: string | null, output: string | null) => RunFact,
): Promise<Record<string, unknown>> {
  const job = await theJob(self, String(request.params.job));
  const { run: named } = request.query;
  if (named !== undefined && (typeof named !== 'string' || !REF.test(named)))
    throw new HttpError(400, 'BAD_REQUEST', `?run=${String(named).slice(0, 50)}: expected 1 to 100 letters, digits, . _ : and -`);
  const output = outputOf(request.body);
  const run = await passing(self.intake.take(factOf(job, named ?? null, output)));
  return { job_id: job.job_id, ...(run === undefined ? { run_id: null } : answer(self, job, run)) };
}

function answer({ config }: CronSupervisor, job: Job, run: Run): Record<string, unknown> {
  return {
    run_id: run.run_id,
    verdict: run.verdict,
    reason: run.verdict === 'succeeded' ? null : run.reason,
    limit_ms: limitOf(job.policy, config.cron) ?? null,
  };
}

// Other supervisors may have a job that we have not read yet.
async function theJob(self: CronSupervisor, id: string): Promise<Job> {
  const { registry, database } = self;
  mustBeRead(registry);
  const known = () => registry.jobs.get(`${HEARTBEAT}/${id}`) ?? registry.find(id);
  if (known() === undefined && (await isGone(database, `${HEARTBEAT}/${id}`)) === false)
    registry.replace((await storedJobs(database)).map(jobFromRow));
  const job = known();
  if (job !== undefined && job.source !== OWN && !self.answers(job)) return job;
  throw new HttpError(
    404,
    'NOT_FOUND',
    `no heartbeat job ${id.slice(0, 100)}: expected one of cron.jobs in ops.yaml, of a workflow file, or added by \`ops cron add\``,
  );
}

function msOf({ query }: Request, name: 'took' | 'ago', most: number): number | null {
  const given = query[name];
  if (given === undefined) return null;
  const ms = Number(given);
  if (!Number.isInteger(ms) || ms < 0 || ms > most)
    throw new HttpError(400, 'BAD_REQUEST', `?${name}=${String(given).slice(0, 50)}: expected ms, a whole number up to ${most}`);
  return ms;
}

// JSON was read as such on its way here.
function outputOf(body: unknown): string | null {
  if (typeof body === 'string') return body === '' ? null : body;
  return typeof body === 'object' && body !== null && Object.keys(body).length > 0 ? JSON.stringify(body) : null;
}
