import type { Clock } from '@ops/shared/runtime';

/** Does something within a time (ms), or rejects with an Error that says `what` and the time, and aborts the signal that was given. */
export async function withinTime<T>(
  clock: Clock,
  ms: number,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const cut = new AbortController();
  const done = new AbortController();
  const late = new Error(`${what} within ${ms / 1000} s`);
  void clock.sleep(ms, done.signal).then(() => {
    if (!done.signal.aborted) cut.abort(late);
  });
  try {
    return await work(cut.signal);
  } catch (error) {
    throw cut.signal.aborted ? late : error;
  } finally {
    done.abort();
  }
}
