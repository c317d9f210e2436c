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
  /** The decoys that were ended, by what spares them. */
  ended(): string[];
  close(): Promise<void>;
}

/** More than a hog holds when it is chosen: it is not for its size that none of them is. */
export const DECOY_MIB = 400;

/** @param run what the names of this run's processes end in */
export async function trialScene(run: string, group: OwnGroup): Promise<TrialScene> {
  const redis: OwnRedis = await ownRedis();
  const databaseUrl = await (await testPostgres()).fresh();
  const decoys = await startDecoys(run, group, DECOY_MIB);
  // Containers only where there is an engine to run them on.
  const boxed: BoxedDecoys | null = process.env.OPS_TEST_DOCKER === '1' ? await startBoxedDecoys(run, DECOY_MIB) : null;
  const { services, runaway } = rules(run, group);
  return {
    servers: { redisUrl: redis.url, databaseUrl, group },
    rules: { runaway, services: `${services}${boxed?.services ?? ''}`, dockerHost: boxed?.dockerHost },
    ended: () => [...decoys.ended(), ...(boxed?.ended() ?? [])],
    async close() {
      await decoys.end();
      await boxed?.close();
      await endHogs();
      await redis.close();
    },
  };
}
