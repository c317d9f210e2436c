import type { GateView } from '../deployment-types.js';

export type GateVerdict =
  | { readonly kind: 'open' }
  | { readonly kind: 'deferred'; readonly reason: string }
  | { readonly kind: 'blocked'; readonly reason: string };

/**
 * Whether something may be deployed now. normal and warn pass, critical defers, emergency and unknown block; a freeze defers
 * whatever the guard says. A way back is never asked: it is the safe direction at every level.
 *
 * @param unknownForMs how long the guard has been unknown to us; short silences are waited for, since it may only be starting
 */
export function judgeGate(view: GateView, unknownForMs: number, patienceMs: number): GateVerdict {
  const { level, deployments, reason, freeze } = view;
  if (level === 'unknown' && unknownForMs < patienceMs) return { kind: 'deferred', reason: 'the guard is not known yet' };
  if (level === 'emergency' || level === 'unknown') return { kind: 'blocked', reason: `the guard is at ${level}: ${reason}` };
  if (deployments === 'blocked') return { kind: 'blocked', reason: `the guard blocks deployments: ${reason}` };
  if (level === 'critical' || deployments === 'deferred')
    return { kind: 'deferred', reason: `the guard is at ${level}: ${reason}` };
  if (freeze !== null) {
    const until = freeze.until === null ? 'until it is ended' : `until ${freeze.until}`;
    return { kind: 'deferred', reason: `frozen by ${freeze.by} ${until}: ${freeze.reason}` };
  }
  return { kind: 'open' };
}
