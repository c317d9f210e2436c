import type { CheckResult } from '@ops/shared/probes';
import type { ContainerView } from './check-container.js';
import type { CheckState } from './check-types.js';

/** What the grace of a start rests on; all epoch ms. */
export interface StartFacts {
  /** The last start of what the service runs in; null where nobody knows it. */
  readonly startedAt: number | null;
  /** Its last good answer; null without one. */
  readonly goodAt: number | null;
  readonly graceMs: number;
  readonly now: number;
}

/**
 * A service that has just been started and has not answered well since may still be on its way: a failure within the grace is
 * `unsure`. One that was down before stays so until it answers: its start excuses nothing that is known already.
 */
export function withStartGrace(
  result: CheckResult,
  { status }: Pick<CheckState, 'status'>,
  { startedAt, goodAt, graceMs, now }: StartFacts,
): CheckResult {
  const isStarting = startedAt !== null && now - startedAt < graceMs && (goodAt === null || goodAt < startedAt);
  if (result.outcome !== 'failed' || status === 'down' || !isStarting) return result;
  const seconds = Math.max(0, Math.round((now - startedAt) / 1000));
  return { ...result, outcome: 'unsure', detail: `started ${seconds} s ago, may take ${graceMs / 1000} s: ${result.detail}` };
}

/** When what a service runs in was last started: its containers (of those that run), or the host. */
export function lastStart(hostStartedAt: number, containers: readonly ContainerView[]): number {
  const starts = containers.flatMap((view) =>
    view.kind === 'found' && view.facts.state === 'running' && view.facts.startedAt !== null ? [view.facts.startedAt] : [],
  );
  return Math.max(hostStartedAt, ...starts);
}
