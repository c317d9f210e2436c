import type { EventDraft } from '@ops/shared/events';
import { isOurs } from '../decide/out-of-band.js';
import type { Deployer } from '../deployer.js';
import { activeDeployment } from '../state/deployments.js';

const NOBODY_KNOWN = 'not known: a client of the Docker API that has gone, or is no command';

/** What somebody did to a container, or to a service of a Swarm. */
export interface StrangeChange {
  /** Tells it from what was done to others, or was another matter, at the same moment. */
  readonly id: string;
  /** `container x-web-1`, `service x_web`. */
  readonly thing: string;
  readonly folder: string;
  /** Its name in the Compose file. */
  readonly service: string;
  readonly at: number;
  readonly done: string;
  /** The clients that ran when it was done; none: not known. */
  readonly who: readonly string[];
}

/** Whether a deployment of this project did it. */
export async function isByDeployment({ database, clock }: Deployer, folder: string, name: string): Promise<boolean> {
  // Without PostgreSQL no deployment changes anything: what is done then is somebody else's, and must not be lost.
  const active = await activeDeployment(database, folder).catch(() => undefined);
  if (active === undefined) return false;
  const { step, touched, finished_at } = active;
  return isOurs({ name }, { step, touched, endedMsAgo: finished_at === null ? null : clock.now() - finished_at.getTime() });
}

/** Says it; a failure is logged, since nobody waits for it. */
export async function sayChange(deployer: Deployer, change: StrangeChange): Promise<void> {
  const { publisher, log } = deployer;
  await publisher
    .publish([changeEvent(deployer, change)])
    .catch((error: unknown) => log.warn({ thing: change.thing, error }, 'a change could not be said'));
}

function changeEvent({ config, host }: Deployer, { id, thing, folder, service, at, done, who }: StrangeChange): EventDraft {
  const known = config.inventory.services.find(({ compose }) => compose?.project === folder && compose.service === service);
  const subject = known?.name ?? (service || thing);
  return {
    type: 'security.detected',
    subject,
    host,
    at,
    // The same for every deployer that sees it.
    purpose: `out-of-band ${id} ${at}`,
    data: {
      kind: 'out-of-band-change',
      service: subject,
      summary: `${thing} of ${subject} was ${done}, and not by a deployment`,
      who: who.slice(0, 12).join('; ').slice(0, 500) || NOBODY_KNOWN,
      what: `${done}: ${thing.replace(/^container /, '')}`,
      timestamp: new Date(at).toISOString(),
    },
  };
}
