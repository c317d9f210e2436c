import { DockerCommandError } from '../../act/docker-command.js';
import { openEngineGate } from '../../act/engine-gate.js';
import { snapshotModel } from '../../act/snapshot.js';
import { isSetAside } from '../../decide/set-aside.js';
import { stopWaves } from '../../decide/waves.js';
import type { ServicePlan } from '../../deployment-types.js';
import type { ContainerFacts } from '../../engine-facts.js';
import { rememberSecrets } from '../secrets.js';
import { fail, placeModel, planOf, type Run, type StepResult } from '../step.js';
import { bringBack, isKept, scopeOf } from './kept.js';

/** The kept containers begin again; what could not be kept is made again from the snapshot of the release that ran. */
export async function bringBackContainers(
  run: Run,
  services: readonly ServicePlan[],
  snapshot: string | undefined,
): Promise<StepResult | undefined> {
  const lost: ServicePlan[] = [];
  for (const one of services) {
    if (one.old.length === 0) continue;
    const back = await Promise.all(one.old.map((old) => (isKept(one) ? bringBack(run, old) : false)));
    if (back.includes(false)) lost.push(one);
  }
  return lost.length === 0 ? undefined : recreate(run, lost, snapshot);
}

/** Stops what has ended, or the engine starts it again. */
export async function stopEnded(run: Run, services: readonly ServicePlan[]): Promise<void> {
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

/** Stops and removes the new containers, whoever depends on another before it. */
export async function removeNew(run: Run, services: readonly ServicePlan[]): Promise<void> {
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
        if (!(error instanceof DockerCommandError)) throw error;
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
