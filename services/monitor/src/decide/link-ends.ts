import type { CheckResult } from '@ops/shared/probes';

// Keep-alive times of servers are seconds; who closes sooner does so after each answer.
const SHORT_MS = 1000;
const MOST_SHORT = 3;
const MOST_TRIES = 3;

/** What is remembered of the connection that a service's probe keeps. Times are monotonic ms. */
export interface LinkState {
  readonly checkedAt: number;
  /** Ends in a row that came right after a check. */
  readonly short: number;
  /** Checks since the connection ended, while its end is not explained yet; null otherwise. */
  readonly tries: number | null;
}

export const newLink: LinkState = { checkedAt: Number.NEGATIVE_INFINITY, short: 0, tries: null };

/** The connection was ended. `ask`: whether to check now; a server that ends each connection after its answer is left to the schedule. */
export function linkEnded(state: LinkState, now: number): { readonly state: LinkState; readonly ask: boolean } {
  const short = now - state.checkedAt < SHORT_MS ? state.short + 1 : 0;
  const ask = short <= MOST_SHORT;
  return { state: { ...state, short, tries: ask ? 0 : state.tries }, ask };
}

/**
 * A check has ended. `again`: whether to ask once more in a moment; a process that is being ended may still take a connection, and
 * resets it.
 */
export function linkChecked(
  state: LinkState,
  { outcome, gone }: Pick<CheckResult, 'outcome' | 'gone'>,
  now: number,
): { readonly state: LinkState; readonly again: boolean } {
  const { tries } = state;
  const again = tries !== null && outcome === 'failed' && gone !== true && tries < MOST_TRIES;
  return { state: { ...state, checkedAt: now, tries: again ? tries + 1 : null }, again };
}
