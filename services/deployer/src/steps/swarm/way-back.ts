import { join } from 'node:path';
import type Docker from 'dockerode';
import { readJson, writeSurely } from '../../act/own-files.js';
import { Swarm, specHashOf } from '../../act/swarm.js';
import { canonical } from '../../decide/canonical.js';
import type { ServicePlan } from '../../deployment-types.js';
import { folderOf, planOf, type Run, type StepResult } from '../step.js';
import { endedIds } from './scope.js';

type Specs = Readonly<Record<string, Docker.ServiceSpec>>;

/** Service → its specification before anything was touched: exactly what comes back. On disk when this resolves. */
export async function rememberSpecs(run: Run): Promise<Specs> {
  const services = await new Swarm(run.engine).services(planOf(run).project);
  const specs = Object.fromEntries(services.map(({ service, spec }) => [service, spec]));
  await writeSurely(specsFile(run), JSON.stringify(specs));
  return specs;
}

/** What `rememberSpecs` has written. */
export async function rememberedSpecs(run: Run): Promise<Specs> {
  return (await readJson(specsFile(run))) as Specs;
}

/** The hash of each of them. */
export async function rememberedHashes(run: Run): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(Object.entries(await rememberedSpecs(run)).map(([service, spec]) => [service, specHashOf(spec)]));
}

/** Removes the services that were not there before. What was there is changed back, not removed. */
export async function withdrawServices(run: Run, services: readonly ServicePlan[]): Promise<void> {
  const { engine, journal, deployment } = run;
  const { project } = planOf(run);
  const swarm = new Swarm(engine);
  const specs = await rememberedSpecs(run);
  if (deployment.facts.tasks_given_up === undefined) {
    const givenUp = endedIds(await swarm.tasks(project));
    run.deployment = await journal.note({ facts: { ...run.deployment.facts, tasks_given_up: givenUp } });
  }
  const names = new Set(services.map(({ service }) => service));
  for (const known of await swarm.services(project))
    if (names.has(known.service) && specs[known.service] === undefined) await swarm.remove(known);
}

/** Gives every service the specification of before; the Swarm puts its tasks in the place of the new ones. */
export async function bringBackServices(run: Run, services: readonly ServicePlan[]): Promise<StepResult | undefined> {
  const swarm = new Swarm(run.engine);
  const specs = await rememberedSpecs(run);
  const there = await swarm.services(planOf(run).project);
  for (const { service } of services) {
    const spec = specs[service];
    if (spec === undefined) continue;
    const now = there.find((one) => one.service === service);
    if (now === undefined) await swarm.create(spec);
    // An update that has stopped halfway goes on only when it is given again.
    else if (now.paused || canonical(now.spec) !== canonical(spec)) await swarm.update(now, spec);
  }
  return undefined;
}

// In the deployment's own folder: it holds what is in the environment.
function specsFile(run: Run): string {
  return join(folderOf(run), 'swarm-services.json');
}
