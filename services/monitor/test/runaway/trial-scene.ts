import { type OwnRedis, ownRedis, testPostgres } from '@ops/shared/testing';
import { type Decoys, startDecoys } from './decoys.js';
import { endHogs } from './hog.js';
import type { OwnGroup } from './own-group.js';

/** What the trials of hogs run on: servers of their own, and decoys that outlive all of them. */
export interface TrialScene {
  readonly servers: { readonly redisUrl: string; readonly databaseUrl: string; readonly group: OwnGroup };
  readonly decoys: Decoys;
  close(): Promise<void>;
}

/** @param run what the names of this run's processes end in */
export async function trialScene(run: string, group: OwnGroup): Promise<TrialScene> {
  const redis: OwnRedis = await ownRedis();
  const databaseUrl = await (await testPostgres()).fresh();
  const decoys = await startDecoys(run, group, 200);
  return {
    servers: { redisUrl: redis.url, databaseUrl, group },
    decoys,
    async close() {
      await decoys.end();
      await endHogs();
      await redis.close();
    },
  };
}
