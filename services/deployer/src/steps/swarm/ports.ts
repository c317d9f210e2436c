import { Swarm } from '../../act/swarm.js';
import type { PreFlightFacts } from '../../decide/pre-flight.js';
import { planOf, type Run } from '../step.js';

/** What containers and other stacks publish; of our own services, by the id of a task that gives way. */
export async function publishedPorts(run: Run): Promise<PreFlightFacts['published']> {
  const { project, services } = planOf(run);
  const swarm = new Swarm(run.engine);
  const [containers, others, own] = await Promise.all([
    run.engine.publishedPorts(),
    swarm.portsOfOthers(project),
    swarm.services(project),
  ]);
  return [
    ...containers.filter(({ stack }) => stack !== project),
    ...others.map((one) => ({ ...one, id: one.name, ip: '0.0.0.0' })),
    ...own.flatMap(({ id, service, ports }) => {
      const giving = services.find((one) => one.service === service)?.old[0]?.id ?? id;
      return ports.map((one) => ({ ...one, id: giving, name: `service ${service}`, ip: '0.0.0.0' }));
    }),
  ];
}
