import { type Clock, EnvironmentError } from '../runtime/index.js';
import { redactor, type Secret } from '../secrets/index.js';
import type { CheckResult } from './decide/check-result.js';
import { errorWords, isRefusal } from './error-words.js';

/** Asks one service how it is. `run` never rejects, ends as soon as its signal aborts, and runs once at a time. */
export interface Probe {
  run(signal: AbortSignal): Promise<CheckResult>;
  /** Ends what it keeps: connections, clients. */
  close(): Promise<void>;
}

/** What an answer says, before its time is judged. */
export interface Finding {
  readonly outcome: CheckResult['outcome'];
  readonly detail: string;
  /** Ms from the question to the answer, where that is not the whole time (a connection had to be made first); null where none was asked. */
  readonly responseMs?: number | null;
  /** It is not there: see CheckResult. */
  readonly gone?: boolean;
}

/** What every probe of this process is given. */
export interface ProbeDeps {
  readonly clock: Clock;
  /** The secret that the check names, read when it is needed. Throws where it is named and not there. */
  readonly secret: () => Secret | undefined;
  /** Called when the service ends a connection that is kept while nothing is asked on it: at once when it dies. */
  readonly linkEnded: () => void;
}

const LONGEST_DETAIL = 500;

/**
 * Asks, and makes a result of whatever happens: a right answer later than `within` ms is slow, a throw or an abort is failed,
 * and a secret that cannot be read means that we could not ask.
 */
export async function examine(
  clock: Clock,
  within: number,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<Finding>,
): Promise<CheckResult> {
  const began = clock.monotonic();
  const aborted = abortion(signal);
  try {
    const finding = await Promise.race([ask(signal), aborted.promise]);
    const responseMs = finding.responseMs === undefined ? round(clock.monotonic() - began) : round(finding.responseMs);
    const late = finding.outcome === 'ok' && responseMs !== null && responseMs > within;
    const detail = late ? `${finding.detail}, after ${responseMs} ms: expected within ${within} ms` : finding.detail;
    const answer = { outcome: late ? 'slow' : finding.outcome, responseMs, detail: clean(detail), at: clock.now() } as const;
    return finding.gone === true ? { ...answer, gone: true } : answer;
  } catch (error) {
    const outcome = error instanceof EnvironmentError ? 'unsure' : 'failed';
    const result = { outcome, responseMs: null, detail: clean(errorWords(error)), at: clock.now() } as const;
    return isRefusal(error) ? { ...result, gone: true } : result;
  } finally {
    aborted.release();
  }
}

/** Rejects with the signal's reason when it aborts; `release` takes its listener away. */
export function abortion(signal: AbortSignal): { promise: Promise<never>; release: () => void } {
  let listener = () => {};
  const promise = new Promise<never>((_resolve, reject) => {
    listener = () => reject(signal.reason);
    if (signal.aborted) listener();
    else signal.addEventListener('abort', listener, { once: true });
  });
  // It may be that nobody waits for it when the signal aborts.
  promise.catch(() => undefined);
  return { promise, release: () => signal.removeEventListener('abort', listener) };
}

function round(ms: number | null): number | null {
  return ms === null ? null : Math.round(ms * 10) / 10;
}

/** One line without secrets, of bounded length. */
function clean(detail: string): string {
  const line = redactor.text(detail).replace(/\s+/g, ' ').trim();
  if (line === '') return 'no detail';
  return line.length > LONGEST_DETAIL ? `${line.slice(0, LONGEST_DETAIL)}...` : line;
}
