import { isSetAside, keptName } from '../../decide/set-aside.js';
import type { OldContainer, Plan, ServicePlan } from '../../deployment-types.js';
import { planOf, type Run } from '../step.js';

/** What Compose must not see while it starts services: everything that is set aside, and what of it may be changed. */
export async function scopeOf(
  run: Run,
  services: readonly ServicePlan[],
): Promise<{ readonly hidden: ReadonlySet<string>; readonly changeable: ReadonlySet<string> }> {
  const plan = planOf(run);
  const containers = await run.engine.containers(plan.project);
  const hidden = new Set([...keptIds(plan), ...containers.filter(isSetAside).map(({ id }) => id)]);
  const names = new Set(services.map(({ service }) => service));
  const changeable = containers.filter(({ id, service }) => names.has(service) && !hidden.has(id)).map(({ id }) => id);
  return { hidden, changeable: new Set(changeable) };
}

/** Whether the containers of this service stay, stopped, until the new ones are proven. */
export function isKept({ change, strategy }: ServicePlan): boolean {
  return change === 'remove' || (change === 'replace' && strategy !== 'in-place');
}

/** Ids of all containers that stay. */
export function keptIds({ services }: Plan): ReadonlySet<string> {
  return new Set(services.filter(isKept).flatMap(({ old }) => old.map(({ id }) => id)));
}

/** Ids of all containers of the version before, kept or to be recreated: what they do says nothing of the new one. */
export function oldIds({ services }: Plan): ReadonlySet<string> {
  return new Set(
    services.filter(({ change }) => change === 'replace' || change === 'remove').flatMap(({ old }) => old.map(({ id }) => id)),
  );
}

/**
 * Takes a container out of the way: its name is free, and a restart of the engine does not bring it back beside its successor.
 * Can be done again.
 */
export async function setAside({ engine, deployment }: Run, old: OldContainer): Promise<void> {
  const now = await engine.container(old.id);
  if (now === undefined) return;
  if (now.restartPolicy.name !== 'no') await engine.setRestartPolicy(old.id, { name: 'no', retries: 0 });
  const name = keptName(old.name, deployment.deployment_id);
  if (now.name !== name) await engine.rename(old.id, name);
}

/** Puts it back as it was, and starts it where it ran. False where it is gone. Can be done again. */
export async function bringBack({ engine }: Run, old: OldContainer): Promise<boolean> {
  const now = await engine.container(old.id);
  if (now === undefined) return false;
  if (now.name !== old.name) await engine.rename(old.id, old.name);
  const { name, retries } = old.restartPolicy;
  if (now.restartPolicy.name !== name || now.restartPolicy.retries !== retries)
    await engine.setRestartPolicy(old.id, old.restartPolicy);
  if (old.running && !now.running) await engine.start(old.id);
  return true;
}

/** Removes what was kept; also what an earlier deployment of these services had to leave behind: now something is proven to run. */
export async function removeKept(run: Run): Promise<void> {
  const { engine } = run;
  const plan = planOf(run);
  const kept = keptIds(plan);
  const services = new Set(plan.services.map(({ service }) => service));
  for (const container of await engine.containers(plan.project)) {
    const left = services.has(container.service) && isSetAside(container) && !container.running;
    if (kept.has(container.id) || left) await engine.remove(container.id);
  }
}
