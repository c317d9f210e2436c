import { ComposeError } from '../act/compose.js';
import { isEngineAway, isEngineRefusal } from '../act/engine.js';
import { openEngineGate } from '../act/engine-gate.js';
import { snapshotModel } from '../act/snapshot.js';
import { type HealthySince, judgeRound } from '../decide/health.js';
import { isSetAside } from '../decide/set-aside.js';
import { stopWaves } from '../decide/waves.js';
import type { ServicePlan } from '../deployment-types.js';
import type { ContainerFacts } from '../engine-facts.js';
import { currentRelease } from '../state/releases.js';
import { restoreDatabases } from './databases.js';
import { evidenceOf } from './evidence.js';
import { runHooks } from './hooks.js';
import { bringBack, isKept, scopeOf } from './kept.js';
import { lookAt } from './look-at.js';
import { restoreRelease } from './restore.js';
import { rememberSecrets } from './secrets.js';
import { fail, placeModel, planOf, type Run, type StepResult } from './step.js';

/** 9. Everything as before: containers or images, files, names. Allowed at every guard level. Then it is proven like any deployment. */
export async function rollBack(run: Run): Promise<StepResult> {
  const { deployer, journal } = run;
  const plan = planOf(run);
  const { failure } = run.deployment;
  const changed = plan.services.filter(({ change }) => change !== 'keep' && change !== 'restart');
  // First of all, or the engine starts again what has just failed, and we wait for it. The last lines stay.
  await stopEnded(run, changed);
  // With the new containers the evidence is gone.
  if (failure !== null && failure.evidence.length === 0)
    run.deployment = await journal.note({ failure: { ...failure, evidence: await evidenceOf(run, plan.services) } });
  // The way back does not wait for a hook that fails: its output says so.
  await runHooks(run, 'pre_rollback');
  await removeNew(run, changed);
  const databases = await restoreDatabases(run);
  const release = await currentRelease(deployer.database, plan.folder);
  const files = release === undefined ? { changed: [] } : await filesBack(run, release.release_id);
  const lost: ServicePlan[] = [];
  for (const one of changed) {
    if (one.old.length === 0) continue;
    const back = await Promise.all(one.old.map((old) => (isKept(one) ? bringBack(run, old) : false)));
    if (back.includes(false)) lost.push(one);
  }
  if (lost.length > 0) {
    const failed = await recreate(run, lost, release?.snapshot);
    if (failed !== undefined) return failed;
  }
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

async function stopEnded(run: Run, services: readonly ServicePlan[]): Promise<void> {
  const names = new Set(services.map(({ service }) => service));
  const ended = (await newContainers(run)).filter(
    ({ service, running, status }) => names.has(service) && !running && status !== 'created',
  );
  await Promise.all(ended.map(({ id }) => run.engine.stop(id)));
}

async function newContainers(run: Run): Promise<readonly ContainerFacts[]> {
  const plan = planOf(run);
  const before = new Set(plan.services.flatMap(({ old }) => old.map(({ id }) => id)));
  return (await run.engine.containers(plan.project)).filter((container) => !before.has(container.id) && !isSetAside(container));
}

async function removeNew(run: Run, services: readonly ServicePlan[]): Promise<void> {
  const { engine } = run;
  const now = await newContainers(run);
  for (const wave of stopWaves(services)) {
    // A container that was recreated in place stays until its successor takes over its volumes.
    const wanted = wave.filter((one) => one.strategy !== 'in-place' || one.old.length === 0).map(({ service }) => service);
    await Promise.all(
      now
        .filter(({ service }) => wanted.includes(service))
        .map(async ({ id, running }) => {
          if (running) await engine.stop(id);
          await engine.remove(id);
        }),
    );
  }
}

// What could not be kept, or is gone: Compose makes it again, from the files and images that are back in their places.
async function recreate(
  run: Run,
  services: readonly ServicePlan[],
  snapshot: string | undefined,
): Promise<StepResult | undefined> {
  const { deployer, engine, lease, signal } = run;
  if (snapshot === undefined)
    return fail(
      `${services.map(({ service }) => service).join(', ')} cannot be made again: no release is known`,
      deployer.clock.now(),
    );
  const { hidden, changeable } = await scopeOf(run, services);
  const gate = await openEngineGate({
    engine: engine.address,
    hidden,
    changeable,
    refusal: () => (lease.held ? undefined : 'the project is in the hands of another deployer'),
  });
  const model = await snapshotModel(snapshot);
  rememberSecrets(run.redactor, model);
  const names = services.map(({ service }) => service);
  const until = deployer.clock.monotonic() + 2 * deployer.config.deploy.verify.within;
  try {
    for (;;) {
      try {
        const project = await placeModel(run, model);
        const late = AbortSignal.timeout(deployer.config.deploy.verify.within);
        await deployer.compose.up(project, names, {
          socket: gate.socket,
          recreate: true,
          signal: AbortSignal.any([signal, late]),
        });
        return undefined;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        if (!(error instanceof ComposeError)) throw error;
        // Throws where the engine is away: it is waited for, and all of it done again.
        await engine.info();
        // A recreation that was cut off leaves a name behind, which the next try finds free.
        if (deployer.clock.monotonic() >= until)
          return fail('docker compose up of the version before failed', deployer.clock.now(), [run.redactor.text(error.output)]);
        await deployer.clock.sleep(1000, signal);
      }
    }
  } finally {
    await gate.close();
  }
}

async function proveOld(run: Run, services: readonly ServicePlan[]): Promise<StepResult | undefined> {
  const { deployer, engine, signal } = run;
  const { clock, config } = deployer;
  const plan = planOf(run);
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
  const hidden = new Set((await engine.containers(plan.project)).filter(isSetAside).map(({ id }) => id));
  const lookout = lookAt(run, wanted, { hidden, besides: gone });
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
        return fail(`the version before is back, but ${why}`, now, evidenceOf(run, services));
      }
      await lookout.wait(Math.min(until - now, 250), signal);
    }
  } finally {
    await lookout.close();
  }
}
