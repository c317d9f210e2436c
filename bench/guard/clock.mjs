import { pause } from '../service-process.mjs';

/** Milliseconds on the clock that all processes of a machine share and that nobody sets. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Waits until something holds. Throws when it does not within the time. */
export async function until(holds, within, what) {
  const end = now() + within;
  while (!(await holds())) {
    if (now() > end) throw new Error(`not within ${(within / 1000).toFixed(0)} s: ${what}`);
    await pause(5);
  }
}
