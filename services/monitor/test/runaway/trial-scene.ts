import { type OwnRedis, ownRedis, testPostgres } from '@ops/shared/testing';
import { type BoxedDecoys, startBoxedDecoys } from './boxed-decoys.js';
import { rules, startDecoys } from './decoys.js';
import type { GuardedHostOptions } from './guarded-host.js';
import { endHogs } from './hog.js';
import type { OwnGroup } from './own-group.js';

/** What the trials of hogs run on: servers of their own, and decoys that outlive all of them. */
export interface TrialScene {
  readonly servers: { readonly redisUrl: string; readonly databaseUrl: string; readonly group: OwnGroup };
  /** What its monitors are told: whatever this run starts may be ended, and each decoy is spared for a reason of its own. */
  readonly rules: GuardedHostOptions;
  /** The same without the service whose container is a decoy. */
  readonly rulesWithoutContainer: GuardedHostOptions;
  /** What each of the decoys holds. */
  readonly decoyBytes: number;
  /** The decoys that were ended, by what spares them. */
  ended(): string[];
  close(): Promise<void>;
}

/**
 * @param run what the names of this run's processes end in
 * @param options.decoyMebibytes what each decoy holds: more than a hog when it is chosen, so that it is not for its size that none is
 * @param options.containers containers among the decoys; in a control group of ours they would be spared for not being in it
 */
export async function trialScene(
  run: string,
  group: OwnGroup,
  { decoyMebibytes = 400, containers = false }: { readonly decoyMebibytes?: number; readonly containers?: boolean } = {},
): Promise<TrialScene> {
  const redis: OwnRedis = await ownRedis();
  const databaseUrl = await (await testPostgres()).fresh();
  const decoys = await startDecoys(run, group, decoyMebibytes);
  const close = async (boxed: BoxedDecoys | null) => {
    await decoys.end();
    await boxed?.close();
    await endHogs();
    await redis.close();
  };
  const boxed = containers ? await startBoxedDecoys(run, decoyMebibytes).catch(unwound(() => close(null))) : null;
  const { services, runaway } = rules(run, group);
  const rulesWithoutContainer = { runaway, services, dockerHost: boxed?.dockerHost };
  return {
    servers: { redisUrl: redis.url, databaseUrl, group },
    decoyBytes: decoyMebibytes * 2 ** 20,
    rules: { ...rulesWithoutContainer, services: `${services}${boxed?.services ?? ''}` },
    rulesWithoutContainer,
    ended: () => [...decoys.ended(), ...(boxed?.ended() ?? [])],
    close: () => close(boxed),
  };
}

/** Takes back what has begun, and fails as it failed. */
function unwound(back: () => Promise<void>): (error: unknown) => Promise<never> {
  return async (error) => {
    await back();
    throw error;
  };
}
