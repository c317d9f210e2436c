import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { inNamespace, mayChooseNumbers } from './own-namespace.js';

interface Seen {
  readonly when: 'within' | 'before';
  readonly result: string;
  readonly isAlive: boolean;
  readonly sameTick: boolean;
}

const script = fileURLToPath(new URL('pid-reuse.mjs', import.meta.url));

test('120 numbers that are used again while their process is being ended: nobody else is hit; by number everybody is', {
  timeout: 120_000,
}, async (context) => {
  if (!mayChooseNumbers()) return context.skip('a pid namespace of its own, with ns_last_pid, is not permitted here');
  const { stdout } = await promisify(execFile)('unshare', inNamespace(process.execPath, script, '120', '100'), {
    timeout: 110_000,
  });
  const { seen, control } = JSON.parse(stdout) as { seen: Seen[]; control: Seen[] };
  expect(seen).toHaveLength(120);
  expect(seen.filter(({ isAlive }) => !isAlive)).toEqual([]);
  expect(new Set(seen.filter(({ when }) => when === 'within').map(({ result }) => result))).toEqual(new Set(['terminated']));
  expect(new Set(seen.filter(({ when }) => when === 'before').map(({ result }) => result))).toEqual(
    new Set(['identity-changed']),
  );
  // The control: the numbers were really used again, by processes that a kill by number hits each time.
  expect(control).toHaveLength(24);
  expect(control.filter(({ isAlive }) => isAlive)).toEqual([]);
  if (process.env.OPS_PROOF_ROUNDS !== undefined) {
    const [same, times] = [seen.filter(({ sameTick }) => sameTick).length, seen.length];
    process.stdout.write(
      `pid reuse: 0 of ${times} innocents hit (${same} of the same tick), by number ${control.length} of ${control.length}\n`,
    );
  }
});
