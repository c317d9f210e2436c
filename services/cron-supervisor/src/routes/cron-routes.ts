import { heartbeatJob } from '@ops/shared/config';
import { askedBy, HttpError, parseBody } from '@ops/shared/runtime';
import { scheduleText } from '@ops/shared/schedule';
import type { Router } from 'express';
import { z } from 'zod';
import type { CronSupervisor } from '../cron-supervisor.js';
import type { Job } from '../cron-types.js';
import { limitOf } from '../decide/limit.js';
import type { OverrunRound } from '../on/overrun-round.js';
import type { RegistryRound } from '../on/registry-round.js';
import { addJob, removeAdded } from '../sources/heartbeat/added-jobs.js';
import { HEARTBEAT } from '../sources/heartbeat/heartbeat-source.js';
import { guardLevel } from '../state/guard-level.js';
import { jobSummaries } from '../state/job-summaries.js';
import { markKill } from '../state/kills.js';
import { listMissed, listRuns, openRunOf } from '../state/runs.js';
import type { RunRow } from '../state/tables.js';
import { mustBeRead, passing } from './passing.js';

const addBody = heartbeatJob.refine(({ command }) => command === undefined, {
  path: ['command'],
  error: 'none: commands are named in ops.yaml only',
});
// Whoever asks over HTTP gives up after 15 s.
const START_MS = 10_000;
const reasonBody = z.strictObject({ by: z.string().min(1).max(100).optional(), force: z.boolean().default(false) });

/** GET /cron/jobs, /cron/jobs/:id, /cron/runs; POST /cron/jobs, /cron/jobs/:id/run and /kill; DELETE /cron/jobs/:id. Ids may hold `/`: they are encoded. */
export function cronRoutes(
  router: Router,
  self: CronSupervisor,
  { registry: rounds, overruns }: { readonly registry: RegistryRound; readonly overruns: OverrunRound },
): void {
  const { database, registry, sources, clock, config } = self;

  router.get('/cron/jobs', async (_request, response) => {
    const sourceStates = [...sources.values()].map(({ name, state }) => ({ name, ...state }));
    response.json({ jobs: await summaries(self), sources: sourceStates });
  });

  router.get('/cron/jobs/:id', async (request, response) => {
    const job = theJob(self, request.params.id);
    const [summary] = await summaries(self, job.job_id);
    const [runs, missed] = await Promise.all([listRuns(database, 30, job.job_id), listMissed(database, 30, job.job_id)]);
    response.json({ ...summary, policy: job.policy, runs: runs.map(runView), missed_slots: missed });
  });

  router.get('/cron/runs', async (request, response) => {
    const most = Math.min(Math.max(Number(request.query.limit) || 30, 1), 500);
    const job = typeof request.query.job === 'string' ? theJob(self, request.query.job).job_id : undefined;
    const [runs, missed] = await Promise.all([listRuns(database, most, job), listMissed(database, most, job)]);
    response.json({ runs: runs.map(runView), missed });
  });

  router.post('/cron/jobs', async (request, response) => {
    const job = parseBody(addBody, request.body);
    const by = askedBy(response, undefined);
    const taken = registry.jobs.has(`heartbeat/${job.id}`);
    if (taken || !(await addJob(database, job.id, request.body, by, new Date(clock.now()))))
      throw new HttpError(409, 'CONFLICT', `id: ${job.id}: expected an id that no other heartbeat job has`);
    await rounds.refresh(HEARTBEAT);
    response.status(201).json({ job_id: `heartbeat/${job.id}`, ping: `/ping/${job.id}` });
  });

  router.delete('/cron/jobs/:id', async (request, response) => {
    const job = theJob(self, request.params.id);
    const ofFile = config.cron.jobs.some(({ id }) => id === job.external_id);
    if (job.source !== HEARTBEAT || !(await removeAdded(database, job.external_id, ofFile, new Date(clock.now()))))
      throw new HttpError(409, 'CONFLICT', `${job.job_id} was not added by a command: it is removed where it comes from`);
    await rounds.refresh(HEARTBEAT);
    response.json({ job_id: job.job_id, removed: true });
  });

  router.post('/cron/jobs/:id/run', async (request, response) => {
    const job = theJob(self, request.params.id);
    const { force } = parseBody(reasonBody, request.body ?? {});
    const level = await guardLevel(self.redis);
    if (level === 'emergency' && !force)
      throw new HttpError(409, 'GUARD', 'the guard is at emergency: nothing is started (`--force` starts it all the same)');
    const source = sources.get(job.source);
    if (source === undefined)
      throw new HttpError(409, 'NOT_STARTED', `${job.job_id}: ops.yaml does not name its source ${job.source} any more`);
    // An old gateway answers when the job that runs has ended: the start stands, and is not waited for.
    const patience = new AbortController();
    self.byHand.note(job.job_id, clock.now());
    const starting = passing(source.start(job.external_id));
    const outcome = await Promise.race([starting, clock.sleep(START_MS, patience.signal)]).finally(() => patience.abort());
    if (outcome === undefined) {
      // Where it rejects, nobody knows whether it has begun: the mark stays for a while.
      void starting.then(
        ({ kind }) => kind !== 'started' && self.byHand.forget(job.job_id),
        (error: unknown) => self.log.warn({ job: job.job_id, error }, 'a run that was asked for by hand was not started'),
      );
      return void response.status(202).json({ job_id: job.job_id, started: false, ref: null });
    }
    if (outcome.kind !== 'started') {
      self.byHand.forget(job.job_id);
      const why = outcome.kind === 'refused' ? outcome.why : 'it runs already';
      throw new HttpError(409, 'NOT_STARTED', `${job.job_id} was not started: ${why}`);
    }
    response.status(202).json({ job_id: job.job_id, started: true, ref: outcome.ref });
  });

  router.post('/cron/jobs/:id/kill', async (request, response) => {
    const job = theJob(self, request.params.id);
    const run = await openRunOf(database, job.job_id);
    if (run === undefined) throw new HttpError(409, 'NOT_RUNNING', `${job.job_id} does not run`);
    if (!(await markKill(database, run, clock.now())))
      throw new HttpError(409, 'CONFLICT', `the end of this run of ${job.job_id} is asked for already`);
    overruns.end(job, run);
    response.status(202).json({ job_id: job.job_id, run_id: run.run_id });
  });
}

/** The job that a text names. Throws an HttpError 404. */
function theJob({ registry }: CronSupervisor, text: string): Job {
  mustBeRead(registry);
  const job = registry.find(text);
  if (job === undefined)
    throw new HttpError(
      404,
      'NOT_FOUND',
      `no scheduled job ${text.slice(0, 200)}, or several of that name: \`ops cron list\` shows them`,
    );
  return job;
}

async function summaries(self: CronSupervisor, only?: string) {
  const { database, registry, clock, config } = self;
  const facts = await jobSummaries(database, clock.now(), only);
  return facts.flatMap(({ job_id, ...rest }) => {
    const job = registry.jobs.get(job_id);
    if (job === undefined) return [];
    const { name, source, purpose, agent, enabled, schedule, policy, problem, timeout_ms } = job;
    return [
      {
        job_id,
        name,
        source,
        purpose,
        agent,
        enabled,
        schedule: scheduleText(schedule),
        expected_ms: policy.expected_ms,
        expected_from: policy.expected_from,
        limit_ms: limitOf(policy, config.cron) ?? null,
        grace_ms: policy.grace_ms,
        timeout_ms,
        class: policy.class,
        problem,
        ...rest,
      },
    ];
  });
}

function runView({ report, kill, ...run }: RunRow) {
  return { ...run, word: report?.word ?? null, exit_code: report?.exit_code ?? null, error: report?.error ?? null, kill };
}
