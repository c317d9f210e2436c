import { DockerCommandError } from '../../act/docker-command.js';
import { openEngineGate } from '../../act/engine-gate.js';
import type { Lookout } from '../../act/lookout.js';
import { stopWaves } from '../../decide/waves.js';
import type { ServicePlan } from '../../deployment-types.js';
import { lookAt } from '../look-at.js';
import { bringFilesBack } from '../restore.js';
import { failedCommand, firstServices, mayStart, starts, watchFor } from '../start.js';
import { placeModel, plannedModel, planOf, type Run, type StepResult } from '../step.js';
import { isKept, scopeOf, setAside } from './kept.js';

/** Stop-first, the old containers kept; one-shot services before anything stops; Compose starts the new ones. */
export async function changeWithCompose(run: Run): Promise<StepResult | undefined> {
  const { engine } = run;
  const plan = planOf(run);
  const first = firstServices(plan);
  const rest = plan.services.filter((one) => !first.includes(one));
  if (first.length > 0) {
    await Promise.all(first.map((one) => giveWay(run, one)));
    const failed = await startAll(run, first);
    if (failed !== undefined) return failed;
  }
  for (const wave of stopWaves(rest.filter(({ change }) => change !== 'keep')))
    await Promise.all(wave.map((one) => giveWay(run, one)));
  if (plan.release !== null) await bringFilesBack(run, plan.release);
  for (const one of rest) if (one.change === 'restart') await Promise.all(one.old.map(({ id }) => engine.restart(id)));
  return startAll(run, rest.filter(starts));
}

// SIGTERM and the grace first, always; the name is free when it has ended.
async function giveWay(run: Run, one: ServicePlan): Promise<void> {
  if (!isKept(one)) return;
  for (const old of one.old) {
    // Before it stops: were we and the engine to restart now, it must not come back by itself.
    await setAside(run, old);
    if (one.strategy === 'stop-first' || one.change === 'remove') await run.engine.stop(old.id);
  }
}

/** Lets Compose start these services; ends early where one of them fails or the window is over. */
async function startAll(run: Run, services: readonly ServicePlan[]): Promise<StepResult | undefined> {
  const { deployer, engine, lease } = run;
  if (services.length === 0) return undefined;
  const { hidden, changeable } = await scopeOf(run, services);
  const closed = await mayStart(run);
  if (closed !== undefined) return closed;
  const gate = await openEngineGate({
    engine: engine.address,
    hidden,
    changeable,
    refusal: () => (lease.held ? undefined : 'the project is in the hands of another deployer'),
  });
  const lookout = lookAt(run, services, { prober: deployer.probe([]) });
  try {
    return await compose(run, services, gate.socket, lookout);
  } finally {
    await lookout.close();
    await gate.close();
  }
}

async function compose(
  run: Run,
  services: readonly ServicePlan[],
  socket: string,
  lookout: Lookout,
): Promise<StepResult | undefined> {
  const { deployer, signal } = run;
  const project = await placeModel(run, await plannedModel(run));
  const stop = new AbortController();
  const ending = AbortSignal.any([signal, stop.signal]);
  const groups = [
    services.filter(({ strategy }) => strategy !== 'in-place'),
    services.filter(({ strategy }) => strategy === 'in-place'),
  ];
  const up = async () => {
    for (const [index, group] of groups.entries()) {
      if (group.length === 0) continue;
      const names = group.map(({ service }) => service);
      await deployer.compose.up(project, names, {
        socket,
        recreate: index === 1,
        signal: ending,
      });
    }
    return 'up' as const;
  };
  const running = up();
  const seen = watchFor(run, services, lookout, ending);
  try {
    const first = await Promise.race([running, seen]);
    if (signal.aborted) throw signal.reason;
    if (first !== 'up') return first;
    // One-shot services are awaited here: what follows them must not start before they have done their work.
    if (services.every(({ oneShot }) => oneShot)) return await seen;
    // What was seen while Compose came to its end counts too.
    stop.abort(new Error('this start is over'));
    return await seen;
  } catch (error) {
    if (!(error instanceof DockerCommandError)) throw error;
    if (signal.aborted) throw signal.reason;
    return await failedCommand(run, 'docker compose up', error, services);
  } finally {
    stop.abort(new Error('this start is over'));
    await Promise.allSettled([running, seen]);
  }
}
