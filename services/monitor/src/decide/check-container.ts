import type { CheckResult } from '@ops/shared/probes';

/** A container as the engine tells it. */
export interface ContainerFacts {
  /** created, running, paused, restarting, removing, exited or dead. */
  readonly state: string;
  /** null without a health check. */
  readonly health: 'starting' | 'healthy' | 'unhealthy' | null;
  readonly restartCount: number;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Epoch ms of its last start; null where the engine does not say. */
  readonly startedAt: number | null;
}

/** What the engine knows of a name: `absent` is an answer, `blind` is none. */
export type ContainerView =
  | { readonly kind: 'found'; readonly facts: ContainerFacts }
  | { readonly kind: 'absent' }
  | { readonly kind: 'blind'; readonly why: string };

/** Whether a container does its work. One that is starting is neither up nor down; without an engine nobody can tell. */
export function judgeContainer(name: string, view: ContainerView): Pick<CheckResult, 'outcome' | 'detail' | 'gone'> {
  if (view.kind === 'blind') return { outcome: 'unsure', detail: `container ${name}: ${view.why}` };
  if (view.kind === 'absent') return { outcome: 'failed', detail: `container ${name}: the engine has none of that name` };
  const { facts } = view;
  const says = (outcome: CheckResult['outcome'], what: string) => ({
    outcome,
    detail: `container ${name} is ${what}${restarts(facts)}`,
  });
  if (facts.state === 'exited' || facts.state === 'dead' || facts.state === 'restarting') {
    const end = `${facts.state} (exit code ${facts.exitCode}${facts.oomKilled ? ', killed for lack of memory' : ''})`;
    return { ...says('failed', end), gone: true };
  }
  if (facts.state !== 'running') return says('failed', `${facts.state}: expected running`);
  if (facts.health === 'unhealthy') return says('failed', 'running and unhealthy');
  if (facts.health === 'starting') return says('unsure', 'starting');
  return says('ok', facts.health === null ? 'running' : 'running and healthy');
}

/**
 * A service's own answer together with its container's state: the worse one counts. An engine that cannot be asked takes nothing
 * from the answer, and a container that is just starting excuses a failure.
 */
export function withContainer(answer: CheckResult, name: string, view: ContainerView): CheckResult {
  const container = judgeContainer(name, view);
  const both = `${container.detail}; ${answer.detail}`;
  if (container.outcome === 'failed') {
    return { ...answer, outcome: 'failed', detail: both, gone: container.gone === true || answer.gone === true };
  }
  if (container.outcome === 'unsure' && view.kind === 'found' && answer.outcome === 'failed') {
    return { ...answer, outcome: 'unsure', detail: both };
  }
  return answer;
}

function restarts({ restartCount }: ContainerFacts): string {
  return restartCount === 0 ? '' : `, restarted ${restartCount} time${restartCount === 1 ? '' : 's'}`;
}
