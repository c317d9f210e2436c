import { DockerCommandError } from '../../act/docker-command.js';
import { openEngineGate } from '../../act/engine-gate.js';
import { storedFiles } from '../../act/snapshot.js';
import { Swarm, type SwarmService, specHashOf } from '../../act/swarm.js';
import { canonical } from '../../decide/canonical.js';
import { BY_HAND } from '../../decide/plan.js';
import { stackFile } from '../../decide/swarm/stack-file.js';
import type { ServicePlan } from '../../deployment-types.js';
import { listReleases } from '../../state/releases.js';
import { lookAt } from '../look-at.js';
import { bringFilesBack } from '../restore.js';
import { failedCommand, firstServices, mayStart, starts, watchFor } from '../start.js';
import { plannedModel, planOf, type Run, requestOf, type StepResult } from '../step.js';
import { rememberedSpecs } from './way-back.js';

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
  const specs = await rememberedSpecs(run);
  for (const known of await swarm.services(plan.project)) {
    const change = plan.services.find(({ service }) => service === known.service)?.change;
    if (change === 'remove') await swarm.remove(known);
    if (change !== 'restart') continue;
    const closed = await mayStart(run);
    if (closed !== undefined) return closed;
    await restartOnce(swarm, known, specs[known.service]);
  }
  const rest = plan.services.filter((one) => starts(one) && !first.includes(one));
  const failed = await deploy(run, rest, { untilDone: false });
  if (failed !== undefined) return failed;
  // What is asked for, or does not run, though its specification is the same, the Swarm would leave as it is.
  const same = new Set(
    rest
      .filter(({ change, differences }) => change === 'replace' && !differences.every(isPutRight))
      .map(({ service }) => service),
  );
  for (const known of await swarm.services(plan.project))
    if (same.has(known.service) && canonical(templateOf(known.spec)) === canonical(templateOf(specs[known.service] ?? {})))
      await restartOnce(swarm, known, specs[known.service]);
  const left = (await swarm.services(plan.project)).map(({ service, spec }) => [service, specHashOf(spec)] as const);
  run.deployment = await run.journal.note({ facts: { ...run.deployment.facts, spec_hashes: Object.fromEntries(left) } });
  return undefined;
}

// What `docker stack deploy` has put right by itself.
const isPutRight = (difference: string) => difference.startsWith('replicas: ') || difference === BY_HAND;

// A restart that was ordered is not ordered again: we may come here twice.
async function restartOnce(swarm: Swarm, known: SwarmService, before: SwarmService['spec'] | undefined): Promise<void> {
  const [now, was] = [templateOf(known.spec).ForceUpdate ?? 0, templateOf(before ?? {}).ForceUpdate ?? 0];
  if (now > was) return;
  await swarm.update(known, { ...known.spec, TaskTemplate: { ...templateOf(known.spec), ForceUpdate: now + 1 } });
}

function templateOf({ TaskTemplate }: SwarmService['spec']): { readonly ForceUpdate?: number } {
  return (TaskTemplate ?? {}) as { ForceUpdate?: number };
}

// Of what was planned, whatever happened to the files since: of a rollback the release's, else those of our own snapshot.
async function filesOfPlan(run: Run): Promise<Readonly<Record<string, string>>> {
  const { release, folder } = planOf(run);
  const releases = release === null ? [] : await listReleases(run.deployer.database, folder);
  const snapshot = releases.find(({ release_id }) => release_id === release)?.snapshot ?? run.deployment.facts.snapshot;
  return snapshot === undefined ? {} : storedFiles(snapshot);
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
  const file = stackFile(await plannedModel(run), wanted, fileHashes, await filesOfPlan(run));
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
    return await failedCommand(run, 'docker stack deploy', error, services);
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
