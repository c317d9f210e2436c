import type { DockerCommandError } from '../act/docker-command.js';
import { isEngineAway } from '../act/engine.js';
import type { Lookout } from '../act/lookout.js';
import { judgeGate } from '../decide/gate.js';
import { judgeService } from '../decide/health.js';
import type { Plan, ServicePlan } from '../deployment-types.js';
import { readGate } from '../state/gate.js';
import { LeaseLostError } from '../state/journal.js';
import { readyForSchema } from './databases.js';
import { evidenceOf } from './evidence.js';
import { fail, type Run, requestOf, type StepResult, withReading } from './step.js';

/** What does its work and ends comes first, while the old version still serves: should it fail, nobody notices. */
export function firstServices({ services }: Plan): readonly ServicePlan[] {
  return services.filter((one) => one.oneShot && starts(one) && !dependsOnChange(one, services));
}

/** Whether something new is started for it. */
export function starts({ change }: ServicePlan): boolean {
  return change === 'create' || change === 'replace';
}

function dependsOnChange({ dependsOn }: ServicePlan, services: readonly ServicePlan[]): boolean {
  return services.some(({ service, change, oneShot }) => change !== 'keep' && !oneShot && dependsOn.includes(service));
}

/** The last look before a start: the verify window is open, and so is the gate. A failure where it is not. From here on databases may change. */
export async function mayStart(run: Run): Promise<StepResult | undefined> {
  const { deployer, journal } = run;
  const unready = await readyForSchema(run);
  if (unready !== undefined) return unready;
  const now = deployer.clock.now();
  const { within, healthy_for } = deployer.config.deploy.verify;
  const until = run.deployment.verify_until?.getTime() ?? 0;
  // The window is for looking. Where nobody looked because we were away, it begins anew.
  if (until - now < healthy_for) run.deployment = await journal.note({ verify_until: new Date(now + within) });
  const closed = await closedGate(run);
  return closed === undefined ? undefined : fail(`${closed}: nothing is started now`, deployer.clock.now());
}

// A freeze is for what has not begun. A gate that cannot be read is not open: the old version is down, and the way back needs no Redis.
async function closedGate(run: Run): Promise<string | undefined> {
  if (requestOf(run).kind === 'rollback') return undefined;
  try {
    const view = { ...(await readGate(run.deployer.redis, run.deployer.database)), freeze: null };
    const { guard_unknown_for } = run.deployer.config.deploy;
    const verdict = judgeGate(view, guard_unknown_for, guard_unknown_for);
    if (verdict.kind === 'open') return undefined;
    run.deployment = await run.journal.note({ facts: withReading(run, 'up', view) });
    return verdict.reason;
  } catch (error) {
    if (error instanceof LeaseLostError || run.signal.aborted) throw error;
    return 'the gate of the guard cannot be read';
  }
}

/**
 * What a command of Docker's that failed means: a failure of the step, with what it said. Throws where the engine went away meanwhile: then
 * the failure is the engine's, and the step is done again when it is back.
 */
export async function failedCommand(
  run: Run,
  name: string,
  error: DockerCommandError,
  services: readonly ServicePlan[],
): Promise<StepResult> {
  const { engine, deployer, redactor } = run;
  const output = redactor.text(error.output);
  if (/connect|EOF|reset|hang up|socket|closed|daemon running/i.test(error.output)) {
    try {
      await engine.info();
    } catch (cause) {
      if (isEngineAway(cause)) throw cause;
    }
    deployer.log.info({ output: output.slice(0, 500) }, `${name} failed`);
  }
  const last = output.trimEnd().split('\n').at(-1)?.trim() ?? 'no output';
  return fail(`${name} failed: ${last}`, deployer.clock.now(), [output, ...(await evidenceOf(run, services))]);
}

/** Resolves with a failure, or with undefined once all have done what they were started for (one-shot services only). */
export async function watchFor(
  run: Run,
  services: readonly ServicePlan[],
  lookout: Lookout,
  signal: AbortSignal,
): Promise<StepResult | undefined> {
  const { deployer } = run;
  const until = run.deployment.verify_until?.getTime() ?? 0;
  while (!signal.aborted) {
    const sights = await lookout.look();
    const verdicts = services.map((one) =>
      judgeService(one, sights[one.service] ?? { containers: [], probe: undefined, ended: [] }),
    );
    const failed = verdicts.find((verdict) => verdict.kind === 'failed');
    if (failed !== undefined) return fail(failed.why, deployer.clock.now(), evidenceOf(run, services));
    if (verdicts.every(({ kind }) => kind === 'done')) return undefined;
    const now = deployer.clock.now();
    if (now >= until) {
      const missing = verdicts.flatMap((verdict) => ('why' in verdict ? [verdict.why] : []));
      return fail(`not started in time: ${missing.join('; ')}`, now, evidenceOf(run, services));
    }
    await lookout.wait(until - now, signal);
  }
  return undefined;
}
