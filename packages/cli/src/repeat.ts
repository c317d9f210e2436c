import { setTimeout as wait } from 'node:timers/promises';

/** Runs a command's display once, or again and again on a cleared screen. */
export async function repeat(again: boolean, show: () => Promise<void>, everyMs = 2000): Promise<void> {
  do {
    if (again && process.stdout.isTTY) process.stdout.write('\u001b[2J\u001b[H');
    await show();
    if (again) await wait(everyMs);
  } while (again);
}
