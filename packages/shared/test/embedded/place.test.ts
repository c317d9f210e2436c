import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onDatabase, Scene } from './scene.js';

// PostgreSQL refuses root and runs as another user then, who cannot enter a folder that only root may enter.
describe.skipIf(process.getuid?.() !== 0)('a home that only root may enter', () => {
  let scene: Scene;
  let parent: string;
  beforeEach(async () => {
    scene = new Scene();
    parent = await mkdtemp(join(homedir(), '.ops-embedded-'));
  });
  afterEach(async () => {
    await scene.clear();
    await rm(parent, { recursive: true, force: true });
  });

  it('has its PostgreSQL data elsewhere, says where, and forgets nothing over a restart', async () => {
    expect((await stat(parent)).mode & 0o777).toBe(0o700);
    const home = await scene.home(parent);
    const elsewhere = join('/var/lib/ops-automation/instances', createHash('sha256').update(home).digest('hex').slice(0, 16));
    try {
      const first = await scene.open({ home });
      await onDatabase(first.databaseUrl, (client) => client.query('CREATE TABLE kept ()'));
      expect(await readFile(join(home, 'postgresql-data-is-elsewhere.txt'), 'utf8')).toContain(elsewhere);
      expect(await readFile(join(elsewhere, 'home'), 'utf8')).toBe(`${home}\n`);
      await first.close();
      const second = await scene.open({ home });
      const { rows } = await onDatabase(second.databaseUrl, (client) => client.query("SELECT to_regclass('kept')::text AS name"));
      expect(rows).toEqual([{ name: 'kept' }]);
      await second.close();

      await rm(home, { recursive: true });
      const third = await scene.open({ home });
      const after = await onDatabase(third.databaseUrl, (client) => client.query("SELECT to_regclass('kept')::text AS name"));
      expect(after.rows).toEqual([{ name: null }]);
      await third.close();
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });
});
