import { availableMemory, freeSpace } from '../act/free-space.js';
import { findListeners } from '../act/listeners.js';
import { preFlightFindings, wantedPorts } from '../decide/pre-flight.js';
import { plannedModel, planOf, type Run, requestOf, type StepResult } from './step.js';

/** 3. What would fail is found here, before any container is touched. */
export async function preFlight(run: Run): Promise<StepResult> {
  const { deployer, engine } = run;
  const plan = planOf(run);
  const { kind, dryRun } = requestOf(run);
  if (kind === 'remove') return { kind: 'done', detail: 'nothing is started' };
  const [model, info, published] = await Promise.all([plannedModel(run), engine.info(), engine.publishedPorts()]);
  const wanted = plan.services.flatMap(({ service }) => wantedPorts(model, service).map(({ port }) => port));
  const listeners = await findListeners(new Set(wanted));
  const findings = preFlightFindings({
    plan,
    model,
    published,
    listeners,
    inventory: deployer.config.inventory.services.flatMap(({ name, port, compose }) =>
      port === undefined ? [] : [{ name, port, project: compose?.project ?? null, service: compose?.service ?? null }],
    ),
    memory: { total: info.memory, available: await availableMemory() },
    cpus: info.cpus,
    disks: await Promise.all([info.rootFolder, deployer.home].map(async (path) => ({ path, freeMb: await freeSpace(path) }))),
    minFreeMb: deployer.config.deploy.min_free_disk,
    verify: { withinMs: deployer.config.deploy.verify.within, healthyForMs: deployer.config.deploy.verify.healthy_for },
  });
  if (findings.length > 0) return { kind: 'end', verdict: 'blocked', reason: 'it would fail', findings };
  if (dryRun) return { kind: 'end', verdict: 'planned', reason: 'a dry run: nothing was touched' };
  return { kind: 'done', detail: 'nothing was found' };
}
