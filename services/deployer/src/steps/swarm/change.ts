import { DockerCommandError } from '../../act/docker-command.js';
import { openEngineGate } from '../../act/engine-gate.js';
import { Swarm } from '../../act/swarm.js';
import { stackFile } from '../../decide/swarm/stack-file.js';
import type { ServicePlan } from '../../deployment-types.js';
import { evidenceOf } from '../evidence.js';
import { lookAt } from '../look-at.js';
import { bringFilesBack } from '../restore.js';
import { engineAnswers, firstServices, lastLine, mayStart, starts, watchFor } from '../start.js';
import { fail, plannedModel, planOf, type Run, requestOf, type StepResult } from '../step.js';

/** One-shot services first, until they have done their work; then the others, as `docker stack deploy` rolls them out. */
export async function changeWithSwarm(run: Run): Promise<StepResult | undefined> {
  const plan = planOf(run);
  const swarm = new Swarm(run.engine);
  const first = firstServices(plan);
  if (first.length > 0) {
    const failed = await deploy(run, first, { untilDone: true });
    if (failed !== undefined) return failed;
  }
  if (plan.release !== null) await bringFilesBack(run, plan.release);
  const there = await swarm.services(plan.project);
  const before = new Set(run.deployment.facts.tasks_before ?? []);
  const begun = new Set((await swarm.tasks(plan.project)).filter(({ id }) => !before.has(id)).map(({ service }) => service));
  for (const { service, change } of plan.services) {
    const known = there.find((one) => one.service === service);
    if (change === 'remove' && known !== undefined) await swarm.remove(known.id);
    // A restart that has begun is not begun again: we come here twice after a crash.
    if (change !== 'restart' || known === undefined || begun.has(service)) continue;
    const closed = await mayStart(run);
    if (closed !== undefined) return closed;
    const template = (known.spec.TaskTemplate ?? {}) as { ForceUpdate?: number };
    await swarm.update(known, { ...known.spec, TaskTemplate: { ...template, ForceUpdate: (template.ForceUpdate ?? 0) + 1 } });
  }
  return deploy(
    run,
    plan.services.filter((one) => starts(one) && !first.includes(one)),
    { untilDone: false },
  );
}

async function deploy(
  run: Run,
  services: readonly ServicePlan[],
  { untilDone }: { readonly untilDone: boolean },
): Promise<StepResult | undefined> {
  const { deployer, engine, lease, signal } = run;
  if (services.length === 0) return undefined;
  const { project, fileHashes } = planOf(run);
  const wanted = services.map(({ service, oneShot, pinned, configHash }) => ({
    service,
    oneShot,
    image: pinned ?? '',
    configHash: configHash ?? '',
  }));
  const file = stackFile(await plannedModel(run), wanted, fileHashes);
  const closed = await mayStart(run);
  if (closed !== undefined) return closed;
  const gate = await openEngineGate({
    engine: engine.address,
    hidden: new Set(),
    changeable: new Set(),
    refusal: () => (lease.held ? undefined : 'the project is in the hands of another deployer'),
  });
  try {
    await deployer.stack.deploy(project, { folder: requestOf(run).folder, file, socket: gate.socket, signal });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof DockerCommandError)) throw error;
    await engineAnswers(run, error);
    const output = run.redactor.text(error.output);
    return fail(`docker stack deploy failed: ${lastLine(output)}`, deployer.clock.now(), [
      output,
      ...(await evidenceOf(run, services)),
    ]);
  } finally {
    await gate.close();
  }
  if (!untilDone) return undefined;
  const lookout = lookAt(run, services, { prober: deployer.probe([]) });
  try {
    return await watchFor(run, services, lookout, signal);
  } finally {
    await lookout.close();
  }
}
