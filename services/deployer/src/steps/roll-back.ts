import { isEngineAway, isEngineRefusal } from '../act/engine.js';
import { type HealthySince, judgeRound } from '../decide/health.js';
import type { ServicePlan } from '../deployment-types.js';
import { currentRelease } from '../state/releases.js';
import { restoreDatabases } from './databases.js';
import { evidenceOf } from './evidence.js';
import { runHooks } from './hooks.js';
import { lookAt } from './look-at.js';
import { orchestratorOf } from './orchestrator.js';
import { restoreRelease } from './restore.js';
import { fail, planOf, type Run, type StepResult } from './step.js';

/** 9. Everything as before: containers or images, files, names. Allowed at every guard level. Then it is proven like any deployment. */
export async function rollBack(run: Run): Promise<StepResult> {
  const { deployer, journal } = run;
  const plan = planOf(run);
  const orchestrator = orchestratorOf(run);
  const { failure } = run.deployment;
  const changed = plan.services.filter(({ change }) => change !== 'keep' && change !== 'restart');
  // First of all, or the engine starts again what has just failed, and we wait for it. The last lines stay.
  await orchestrator.stopEnded(run, changed);
  // With the new containers the evidence is gone.
  if (failure !== null && failure.evidence.length === 0)
    run.deployment = await journal.note({ failure: { ...failure, evidence: await evidenceOf(run, plan.services) } });
  // The way back does not wait for a hook that fails: its output says so.
  await runHooks(run, 'pre_rollback');
  await orchestrator.withdraw(run, changed);
  const databases = await restoreDatabases(run);
  const release = await currentRelease(deployer.database, plan.folder);
  const files = release === undefined ? { changed: [] } : await filesBack(run, release.release_id);
  const failed = await orchestrator.bringBack(run, changed, release?.snapshot);
  if (failed !== undefined) return failed;
  const proven = await proveOld(run, plan.services);
  if (proven !== undefined) return proven;
  await runHooks(run, 'post_rollback');
  if (files.failed !== undefined)
    return fail(
      `the version before runs again and is healthy, but its files could not be put back: ${files.failed}`,
      deployer.clock.now(),
    );
  if (databases.failed !== undefined)
    return fail(
      `the version before runs again and is healthy, but with the databases of the failed one: ${databases.failed}`,
      deployer.clock.now(),
    );
  // What did not run before was not proven.
  const restored = changed.filter(({ old }) => old.some(({ running }) => running)).map(({ service }) => service);
  const detail = [
    `${restored.join(', ') || 'nothing was there before'} as before`,
    ...databases.done,
    ...(files.changed.length > 0 ? [`${files.changed.length} files restored`] : []),
  ];
  return { kind: 'done', detail: detail.join('; '), change: { facts: { ...run.deployment.facts, restored } } };
}

// The containers come back whatever becomes of the files: a full disk may be why we are here.
async function filesBack(
  run: Run,
  releaseId: string,
): Promise<{ readonly changed: readonly string[]; readonly failed?: string }> {
  try {
    return { changed: await restoreRelease(run, releaseId) };
  } catch (error) {
    if (isEngineAway(error) || isEngineRefusal(error) || run.signal.aborted) throw error;
    run.deployer.log.error({ deployment: run.deployment.deployment_id, error }, 'the files of a release could not be put back');
    return { changed: [], failed: run.redactor.text(error instanceof Error ? error.message : String(error)) };
  }
}

async function proveOld(run: Run, services: readonly ServicePlan[]): Promise<StepResult | undefined> {
  const { deployer, signal } = run;
  const { clock, config } = deployer;
  const wanted = services
    .filter(({ old }) => old.some(({ running }) => running))
    .map((one) => ({
      ...one,
      change: 'keep' as const,
      imageId: one.old[0]?.imageId ?? '',
      configHash: one.old[0]?.configHash ?? '',
      replicas: one.old.length,
    }));
  const gone = services.filter(({ old, change }) => old.length === 0 && change !== 'remove').map(({ service }) => service);
  const source = await orchestratorOf(run).oldVersion(run);
  const lookout = lookAt(run, wanted, { source, besides: gone });
  const { within, healthy_for } = config.deploy.verify;
  const until = clock.now() + within;
  try {
    for (let since: HealthySince = {}; ; ) {
      if (signal.aborted) throw signal.reason;
      const sights = await lookout.look();
      const now = clock.now();
      const round = judgeRound(wanted, sights, since, now, healthy_for);
      since = round.since;
      const left = gone.filter((service) => (sights[service]?.containers.length ?? 0) > 0);
      if (round.missing.length === 0 && left.length === 0) return undefined;
      if (now >= until || round.failed !== undefined) {
        const why = round.failed ?? `not proven healthy within ${within} ms: ${[...round.missing, ...left].join('; ')}`;
        return fail(`the version before is back, but ${why}`, now, evidenceOf(run, services, source));
      }
      await lookout.wait(Math.min(until - now, 250), signal);
    }
  } finally {
    await lookout.close();
  }
}
