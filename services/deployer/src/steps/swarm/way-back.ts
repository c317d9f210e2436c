import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { Swarm } from '../../act/swarm.js';
import { canonical } from '../../decide/canonical.js';
import { HASH_LABEL } from '../../decide/swarm/stack-file.js';
import { currentTasks, type Task } from '../../decide/swarm/tasks.js';
import type { ServicePlan } from '../../deployment-types.js';
import { folderOf, planOf, type Run, type StepResult, writePrivately } from '../step.js';

type Specs = Readonly<Record<string, Docker.ServiceSpec>>;

/** Service → its specification before anything was touched: exactly what comes back. */
export async function rememberSpecs(run: Run): Promise<Specs> {
  const services = await new Swarm(run.engine).services(planOf(run).project);
  const specs = Object.fromEntries(services.map(({ service, spec }) => [service, spec]));
  await writePrivately(specsFile(run), JSON.stringify(specs));
  return specs;
}

/** Removes the services that were not there before. What was there is changed back, not removed. */
export async function withdrawServices(run: Run, services: readonly ServicePlan[]): Promise<void> {
  const { engine, journal, deployment } = run;
  const { project } = planOf(run);
  const swarm = new Swarm(engine);
  const specs = await rememberedSpecs(run);
  if (deployment.facts.tasks_given_up === undefined) {
    const old = new Set(planOf(run).services.flatMap((one) => one.old.map(({ id }) => id)));
    const tasks = await swarm.tasks(project);
    const current = new Set(currentTasks(tasks).map(({ id }) => id));
    const givenUp = tasks.filter(({ id, state }) => !(old.has(id) && current.has(id) && state === 'running')).map(({ id }) => id);
    run.deployment = await journal.note({ facts: { ...run.deployment.facts, tasks_given_up: givenUp } });
  }
  const names = new Set(services.map(({ service }) => service));
  for (const { id, service } of await swarm.services(project))
    if (names.has(service) && specs[service] === undefined) await swarm.remove(id);
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
    else if (canonical(now.spec) !== canonical(spec)) await swarm.update(now, spec);
  }
  return undefined;
}

/** Whether a task is of the version before, begun again or never stopped. */
export async function isOldVersion(run: Run): Promise<(task: Task) => boolean> {
  const specs = await rememberedSpecs(run);
  const givenUp = new Set(run.deployment.facts.tasks_given_up ?? []);
  return ({ id, service, image, configHash }) => {
    const spec = specs[service];
    if (spec === undefined) return true;
    const { Image, Labels } = containerSpecOf(spec);
    return !givenUp.has(id) && image === Image && configHash === (Labels?.[HASH_LABEL] ?? '');
  };
}

function containerSpecOf({ TaskTemplate }: Docker.ServiceSpec): { Image?: string; Labels?: Readonly<Record<string, string>> } {
  return (TaskTemplate as { ContainerSpec?: object } | undefined)?.ContainerSpec ?? {};
}

// In the deployment's own folder: it holds what is in the environment.
function specsFile(run: Run): string {
  return join(folderOf(run), 'swarm-services.json');
}

async function rememberedSpecs(run: Run): Promise<Specs> {
  return JSON.parse(await readFile(specsFile(run), 'utf8')) as Specs;
}
