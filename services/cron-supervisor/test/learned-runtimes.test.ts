import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { learnedRuntimes } from '../src/state/learned-runtimes.js';
import { MINUTE, ReviewScene } from './review-scene.js';

test('a runtime is learned from as many runs as are asked for, however many those are', async () => {
  const scene = await ReviewScene.open();
  try {
    await scene.addJob('digest', () => ({ duration_ms: 5 * MINUTE }));
    const { rows } = await sql<{ runs: number }>`select count(*)::int as runs from cron_run`.execute(scene.database);
    const runs = rows[0]?.runs ?? 0;
    expect(runs).toBeGreaterThan(70);
    const learned = (after: number) => learnedRuntimes(scene.database, 'openclaw', { learn: { after, percentile: 95 } });
    expect(await learned(70)).toEqual(new Map([['openclaw/digest', 310_000]]));
    expect(await learned(runs + 1)).toEqual(new Map());
  } finally {
    await scene.close();
  }
});
