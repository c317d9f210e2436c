import type { ServiceState } from '@ops/shared/events';
import type { CheckResult, SureOutcome } from '@ops/shared/probes';
import { neededToRecover, relapsesAfterFall } from './check-damping.js';
import type { CheckPolicy, CheckState } from './check-types.js';
import { REMEMBERED } from './latency.js';

const BLIND_AFTER = 3;
const REPEAT_MS = 1000;
const RANK: Readonly<Record<ServiceState, number>> = { paused: 0, unknown: 0, up: 1, degraded: 2, down: 3 };

/** A service before its first answer. */
export function initialCheckState(service: string, paused: boolean): CheckState {
  return {
    service,
    status: paused ? 'paused' : 'unknown',
    since: null,
    detail: paused ? 'paused: known, but not checked' : 'not checked yet',
    responseMs: null,
    times: [],
    checkedAt: null,
    answeredAt: null,
    failedAt: null,
    recent: [],
    good: 0,
    fine: 0,
    suspect: false,
    relapses: 0,
    recoveredAt: null,
  };
}

/**
 * The state after one more result. Down after N failures of M, degraded after N slow, partial or failed ones of M, and out of
 * either only after enough good answers in a row. The first good answer of all is up at once. An unsure result changes no
 * status, until three intervals have passed without a sure one: then the status is unknown.
 */
export function decideCheck(state: CheckState, result: CheckResult, policy: CheckPolicy, now: number): CheckState {
  if (state.status === 'paused') return state;
  return result.outcome === 'unsure'
    ? afterUnsure(state, result, policy, now)
    : afterAnswer(state, result, result.outcome, policy);
}

function afterUnsure(state: CheckState, result: CheckResult, policy: CheckPolicy, now: number): CheckState {
  const checked = { ...state, checkedAt: result.at };
  if (state.answeredAt === null) return { ...checked, detail: result.detail };
  // A probe may take its whole timeout: an answer is not late before that.
  const blindMs = now - state.answeredAt;
  if (blindMs <= BLIND_AFTER * Math.max(policy.interval, policy.timeout)) return checked;
  const blind = { ...checked, detail: `no sure answer for ${Math.round(blindMs / 1000)} s: ${result.detail}`, responseMs: null };
  return state.status === 'unknown' ? blind : { ...blind, status: 'unknown', since: now, suspect: false };
}

function afterAnswer(state: CheckState, result: CheckResult, outcome: SureOutcome, policy: CheckPolicy): CheckState {
  const next: CheckState = {
    ...state,
    responseMs: result.responseMs,
    times: result.responseMs === null ? state.times : [...state.times, result.responseMs].slice(-REMEMBERED),
    checkedAt: result.at,
    answeredAt: result.at,
    failedAt: outcome === 'failed' && !isRepeat(state, result, policy) ? result.at : state.failedAt,
    recent: [...state.recent, ...findings(state, result, outcome, policy)].slice(-policy.of),
    good: outcome === 'failed' ? 0 : state.good + 1,
    fine: outcome === 'ok' ? state.fine + 1 : 0,
  };
  const before = believedStatus(state, policy);
  const status = statusAfter(before, next, policy);
  const suspect = status !== 'down' && count(next.recent, ['failed']) > 0 && next.good < policy.upAfter;
  const told = { ...moved(next, before, status, policy), suspect, detail: detailOf(result, status, next, policy) };
  return status === state.status ? told : { ...told, status, since: result.at };
}

// Where nothing listens any more nobody needs to ask twice. One that has never answered may still be on its way.
function findings(state: CheckState, result: CheckResult, outcome: SureOutcome, policy: CheckPolicy): SureOutcome[] {
  const isKnown = state.status === 'up' || state.status === 'degraded';
  const died = result.gone === true && policy.atDeath && outcome === 'failed' && isKnown;
  if (died) return Array<SureOutcome>(policy.failures).fill(outcome);
  return outcome === 'failed' && isRepeat(state, result, policy) ? [] : [outcome];
}

// Asked again at once, because something had happened: the same moment is not two failures.
function isRepeat({ failedAt, recent }: CheckState, { at }: CheckResult, { interval }: CheckPolicy): boolean {
  return recent.at(-1) === 'failed' && failedAt !== null && at - failedAt < Math.min(interval / 2, REPEAT_MS);
}

/** The status as it was before we became blind: what was down does not become up by one good answer just because we did not look. */
export function believedStatus({ status, recent }: CheckState, policy: Pick<CheckPolicy, 'failures'>): ServiceState {
  return status === 'unknown' && count(recent, ['failed']) >= policy.failures ? 'down' : status;
}

function statusAfter(before: ServiceState, next: CheckState, policy: CheckPolicy): ServiceState {
  const needed = neededToRecover(next.relapses, policy);
  const down = count(next.recent, ['failed']) >= policy.failures;
  const bad = count(next.recent, ['failed', 'slow', 'partial']) >= policy.failures;
  if (before === 'down') return next.good < needed ? 'down' : next.fine < needed ? 'degraded' : 'up';
  if (down) return 'down';
  if (before === 'degraded') return next.fine < needed ? 'degraded' : 'up';
  if (bad) return 'degraded';
  // Before the first good answer nobody can tell whether a failure is an outage or one bad moment.
  return before === 'unknown' && next.good === 0 ? 'unknown' : 'up';
}

function moved(next: CheckState, before: ServiceState, status: ServiceState, policy: CheckPolicy): CheckState {
  const at = next.checkedAt ?? 0;
  if (RANK[before] === 0 || RANK[status] === RANK[before]) return next;
  if (RANK[status] > RANK[before]) return { ...next, relapses: relapsesAfterFall(next, policy, at), recoveredAt: null };
  // What ended with the recovery must not count against the next answer.
  return { ...next, recoveredAt: at, recent: next.recent.slice(-(status === 'up' ? next.fine : next.good)) };
}

function detailOf(result: CheckResult, status: ServiceState, next: CheckState, policy: CheckPolicy): string {
  const [good, words] = status === 'down' ? [next.good, 'down until'] : [next.fine, 'degraded until'];
  if (good === 0 || (status !== 'down' && status !== 'degraded')) return result.detail;
  return `${result.detail} (${words} it answers well ${neededToRecover(next.relapses, policy)} times in a row: ${good} so far)`;
}

function count(recent: readonly SureOutcome[], which: readonly SureOutcome[]): number {
  return recent.filter((outcome) => which.includes(outcome)).length;
}
