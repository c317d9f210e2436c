import type { DumpPlan, Request, ServicePlan } from '../deployment-types.js';
import type { ContainerFacts } from '../engine-facts.js';
import { isSetAside } from './set-aside.js';

/** What is known of the databases of a project. */
export interface DatabaseFacts {
  readonly request: Pick<Request, 'kind' | 'schemaChange'>;
  /** The services that are deployed, changed or not. */
  readonly services: readonly Pick<ServicePlan, 'service' | 'change'>[];
  readonly containers: readonly Pick<ContainerFacts, 'name' | 'service' | 'running'>[];
  /** Compose service → its database, where the inventory names one. */
  readonly databases: Readonly<Record<string, DumpPlan | undefined>>;
}

/**
 * The databases that are dumped before a schema changes: those of the deployed services. `irreversible` says why the change cannot be
 * taken back, where no dump can be made that could be put back; there are no dumps then.
 */
export function plannedDumps({ request, services, containers, databases }: DatabaseFacts): {
  readonly dumps: readonly DumpPlan[];
  readonly irreversible: readonly string[];
} {
  if (!request.schemaChange) return { dumps: [], irreversible: [] };
  const changes = request.kind === 'compose' || request.kind === 'image' || request.kind === 'config';
  const known = new Map(
    services.flatMap(({ service }) => {
      const database = databases[service];
      return database === undefined ? [] : [[`${database.service} ${database.name}`, database] as const];
    }),
  );
  if (!changes || known.size === 0)
    return { dumps: [], irreversible: ['a database schema changes: an older version may not read it'] };
  const irreversible = [...known.values()].flatMap(({ service, name }) => {
    const running = containers.filter((one) => one.service === service && one.running && !isSetAside(one));
    const why = (reason: string) => [
      `a database schema changes, and ${name} cannot be dumped so that it could be put back: ${reason}`,
    ];
    if (running.length !== 1) return why(`${running.length} containers of ${service} run`);
    // Its container would give way to another one, with perhaps another version, while there is something to put back.
    if (services.some((one) => one.service === service && one.change !== 'keep'))
      return why(`${service} itself is deployed with it`);
    return [];
  });
  return { dumps: irreversible.length > 0 ? [] : [...known.values()], irreversible };
}
