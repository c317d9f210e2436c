import { Redactor } from '@ops/shared/secrets';
import { isUnavailable } from '@ops/shared/streams';
import { isEngineAway, isEngineRefusal } from '../act/engine.js';
import { nextStep, resumeStep } from '../decide/next-step.js';
import type { Deployer } from '../deployer.js';
import type { Deployment, Step } from '../deployment-types.js';
import { deferredEvent, stepEvent, toFit } from '../events.js';
import { deploymentDue } from '../jobs.js';
import { Journal, LeaseLostError } from '../state/journal.js';
import type { ProjectLease } from '../state/leases.js';
import { STEP_ACTIONS } from '../steps/run-steps.js';
import { rememberSecretFiles, rememberSecrets } from '../steps/secrets.js';
import { plannedModel, type Run, type StepResult } from '../steps/step.js';
import { endDeployment, failDeployment, succeed } from './end-deployment.js';

const ENGINE_AGAIN_MS = 1000;
const MOST_REFUSALS = 20;

/**
 * Takes one deployment from where it is to its end, or to where it must wait. Each step is journalled before its side effects and after
 * them. Ends early, without a word, when the service stops or the lease is lost: whoever comes next goes on.
 */
export async function runDeployment(
  deployer: Deployer,
  lease: ProjectLease,
  deployment: Deployment,
  stop: AbortSignal,
): Promise<void> {
  const journal = new Journal(deployer.database, lease, deployment.deployment_id);
  const run: Run = {
    deployer,
    lease,
    journal,
    engine: deployer.engine.guarded(() => {
      if (!lease.held) throw new LeaseLostError(lease.lane);
    }),
    redactor: new Redactor(),
    signal: AbortSignal.any([stop, lease.lost]),
    deployment,
  };
  // The plan's secrets must be known again before anything is said.
  const planned = await plannedModel(run).catch(() => undefined);
  if (planned !== undefined) {
    rememberSecrets(run.redactor, planned);
    await rememberSecretFiles(run.redactor, planned);
  }
  await takeUp(run);
  while (run.deployment.verdict === null && run.deployment.waits_for === null && !run.signal.aborted) await oneStep(run);
}

// From waiting, or from the hands of somebody who died: back to the step where it goes on.
async function takeUp(run: Run): Promise<void> {
  const { deployment } = run;
  const step = resumeStep(deployment.step, deployment.touched, deployment.waits_for !== null);
  if (step === deployment.step && deployment.waits_for === null) return;
  const waits = step === 'approval' ? {} : { waits_for: null, wake_at: null };
  run.deployment = await run.journal.note({ step, ...waits });
  run.deployment = { ...run.deployment, waits_for: null };
}

async function oneStep(run: Run): Promise<void> {
  const { deployer, journal } = run;
  const { step } = run.deployment;
  const { n, beganAt } = await journal.begin(step, new Date(deployer.clock.now()));
  const result = await attempt(run, step);
  if (result === undefined) return;
  const now = deployer.clock.now();
  await settle(run, step, n, now - beganAt.getTime(), result);
}

/** Runs the step; while the engine is away it is waited for, and said once. Undefined where we must stop. */
async function attempt(run: Run, step: Step): Promise<StepResult | undefined> {
  const { deployer, signal, journal } = run;
  let refusals = 0;
  for (let said = false; !signal.aborted; ) {
    try {
      const result = await STEP_ACTIONS[step](run);
      // A step that was cut off says nothing: whoever comes next does it again.
      return signal.aborted ? undefined : result;
    } catch (error) {
      if (signal.aborted || error instanceof LeaseLostError || isOurServerAway(error)) throw error;
      // The way back is not given up for one refusal: an engine that is shutting down refuses before it is away.
      if (step === 'roll-back' && isEngineRefusal(error) && refusals < MOST_REFUSALS) {
        refusals += 1;
        deployer.log.warn(
          { deployment: run.deployment.deployment_id, step, refusals, error },
          'the engine refused, it is tried again',
        );
        await deployer.clock.sleep(ENGINE_AGAIN_MS, signal);
        continue;
      }
      if (!isEngineAway(error)) {
        deployer.log.error({ deployment: run.deployment.deployment_id, step, error }, 'a step of a deployment threw');
        const text = run.redactor.text(error instanceof Error ? error.message : String(error));
        return { kind: 'fail', failure: { reason: `${step}: ${toFit(text)}`, evidence: [], at: deployer.clock.now() } };
      }
      if (!said) {
        const drafts = [
          deferredEvent(run.deployment, 'the Docker engine does not answer: it is waited for', null, deployer.clock.now()),
        ];
        run.deployment = await journal.note({}, drafts);
        said = true;
      }
      await deployer.clock.sleep(ENGINE_AGAIN_MS, signal);
    }
  }
  return undefined;
}

// Redis or PostgreSQL: not the step's fault, and not to be written down without them.
function isOurServerAway(error: unknown): boolean {
  return isUnavailable(error) && !isEngineAway(error);
}

async function settle(run: Run, step: Step, n: number, durationMs: number, result: StepResult): Promise<void> {
  const { deployer, journal } = run;
  const now = deployer.clock.now();
  const at = new Date(now);
  const event = (outcome: 'done' | 'failed' | 'held', detail: string) =>
    stepEvent(run.deployment, step, { outcome, durationMs, detail: run.redactor.text(detail) }, now);
  switch (result.kind) {
    case 'done': {
      const next = nextStep(step);
      const drafts = [...(result.drafts ?? []), event('done', result.detail)];
      const ended = { n, outcome: 'done', detail: run.redactor.text(result.detail), at };
      if (next === 'succeeded') return succeed(run, ended, result.change ?? {}, drafts);
      if (next === 'rolled-back')
        return endDeployment(run, ended, { verdict: 'rolled-back', reason: null, change: result.change ?? {} }, drafts);
      run.deployment = await journal.end(
        n,
        ended,
        { ...result.change, step: next, waits_for: null, wake_at: null, expires_at: null },
        drafts,
      );
      return;
    }
    case 'wait': {
      const { deployment } = run;
      const repeated = deployment.reason === result.reason;
      const drafts = [
        ...(result.drafts ?? []),
        ...(repeated || result.for === 'approval' ? [] : [deferredEvent(deployment, result.reason, result.expiresAt, now)]),
        ...(repeated ? [] : [event('held', result.reason)]),
      ];
      const change = {
        ...result.change,
        waits_for: result.for,
        wake_at: result.wakeAt,
        expires_at: result.expiresAt,
        reason: result.reason,
      };
      run.deployment = await journal.end(n, { outcome: 'held', detail: result.reason, at }, change, drafts);
      const due = { deployment_id: deployment.deployment_id, at: result.wakeAt.toISOString() };
      await deployer.queues.add(deploymentDue, due, Math.max(0, result.wakeAt.getTime() - now));
      return;
    }
    case 'end': {
      const ended = { n, outcome: 'failed', detail: result.reason, at };
      const { verdict, reason, findings, change = {} } = result;
      return endDeployment(run, ended, { verdict, reason, findings: findings ?? [], change }, [
        event(verdict === 'planned' ? 'done' : 'failed', reason),
      ]);
    }
    case 'fail':
      return failDeployment(
        run,
        { n, outcome: 'failed', detail: run.redactor.text(result.failure.reason), at },
        step,
        result.failure,
        [event('failed', result.failure.reason)],
      );
  }
}
