import { setTimeout as delay } from 'node:timers/promises';

/**
 * Repeats an assertion until it no longer throws, and returns what it returned. After `within` ms (default 10,000) it throws the
 * assertion's last error, with the time and the number of tries added to the message. `every` is the pause in ms (default 25).
 */
export async function eventually<T>(
  assertion: () => T | Promise<T>,
  { within = 10_000, every = 25 }: { within?: number; every?: number } = {},
): Promise<T> {
  const begin = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await assertion();
    } catch (error) {
      const passed = performance.now() - begin;
      if (passed + every >= within) throw explained(error, passed, tries);
    }
    await delay(every);
  }
}

// The error itself is kept: test runners show its expected and its actual value.
function explained(error: unknown, passed: number, tries: number): unknown {
  if (error instanceof Error) error.message += `\n(still so after ${Math.round(passed)} ms and ${tries} tries)`;
  return error;
}
