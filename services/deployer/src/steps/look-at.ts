import { Lookout, type Prober } from '../act/lookout.js';
import { mustRun } from '../decide/health.js';
import type { ServicePlan } from '../deployment-types.js';
import { oldIds } from './kept.js';
import { planOf, type Run } from './step.js';

/** A lookout over these services of the plan; the version before is hidden where nothing else is said. */
export function lookAt(
  run: Run,
  services: readonly ServicePlan[],
  {
    prober = run.deployer.probe(services),
    everyMs = 500,
    hidden = oldIds(planOf(run)),
    besides = [],
  }: { prober?: Prober; everyMs?: number; hidden?: ReadonlySet<string>; besides?: readonly string[] } = {},
): Lookout {
  const { clock, log } = run.deployer;
  return new Lookout({
    engine: run.engine,
    project: planOf(run).project,
    services: [...services.map(({ service }) => service), ...besides],
    mustRun: services.filter(mustRun).map(({ service }) => service),
    hidden,
    prober,
    everyMs,
    clock,
    log,
  });
}
