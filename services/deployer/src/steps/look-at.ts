import { Lookout, type LookoutSource, type Prober } from '../act/lookout.js';
import { mustRun } from '../decide/health.js';
import type { ServicePlan } from '../deployment-types.js';
import { orchestratorOf } from './orchestrator.js';
import { planOf, type Run } from './step.js';

/** A lookout over these services of the plan; over their new version where nothing else is said. */
export function lookAt(
  run: Run,
  services: readonly ServicePlan[],
  {
    prober = run.deployer.probe(services),
    everyMs = 500,
    source = orchestratorOf(run).newVersion(run),
    besides = [],
  }: { prober?: Prober; everyMs?: number; source?: LookoutSource; besides?: readonly string[] } = {},
): Lookout {
  const { clock, log } = run.deployer;
  return new Lookout({
    source,
    project: planOf(run).project,
    services: [...services.map(({ service }) => service), ...besides],
    mustRun: services.filter(mustRun).map(({ service }) => service),
    prober,
    everyMs,
    clock,
    log,
  });
}
