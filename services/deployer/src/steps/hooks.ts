import { lastWholeLines } from '../act/last-lines.js';
import { runHook } from '../act/run-hook.js';
import { planOf, type Run, requestOf } from './step.js';

type HookName = 'pre_deploy' | 'post_deploy' | 'pre_rollback' | 'post_rollback';

const KEPT = 4000;

/**
 * Runs the hooks of this name of every service that changes, in the order of their start. Their output is kept for the record, without
 * secrets. Returns why the first that failed did so, or undefined; a pre-deploy hook that fails is the last one that runs.
 */
export async function runHooks(run: Run, name: HookName): Promise<string | undefined> {
  const { deployer, deployment, journal, redactor, signal } = run;
  const plan = planOf(run);
  let refused: string | undefined;
  for (const { service, inventory, imageId, image, old } of plan.services) {
    const hook = deployer.config.inventory.services.find((known) => known.name === inventory)?.deploy.hooks[name];
    if (hook === undefined) continue;
    const facts = {
      OPS_HOOK: name.replace('_', '-'),
      OPS_DEPLOYMENT: deployment.deployment_id,
      OPS_SERVICE: inventory ?? service,
      OPS_COMPOSE_SERVICE: service,
      OPS_PROJECT: plan.project,
      OPS_KIND: deployment.kind,
      OPS_REQUESTED_BY: deployment.requested_by,
      OPS_IMAGE: image,
      OPS_IMAGE_ID: imageId ?? '',
      OPS_IMAGE_ID_BEFORE: old[0]?.imageId ?? '',
    };
    const { folder } = requestOf(run);
    const { ok, output, why } = await runHook(hook.command, { folder, withinMs: hook.within, facts, signal });
    if (signal.aborted) throw signal.reason;
    const kept = { hook: facts.OPS_HOOK, service, ok, output: lastWholeLines(redactor.text(output).trim(), KEPT) };
    run.deployment = await journal.note({
      facts: { ...run.deployment.facts, hooks: [...(run.deployment.facts.hooks ?? []), kept].slice(-40) },
    });
    if (!ok) refused ??= `${facts.OPS_HOOK} hook of ${service}: ${redactor.text(why)}`;
    if (!ok && name === 'pre_deploy') break;
  }
  return refused;
}
