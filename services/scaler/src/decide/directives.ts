import type { EventData, Response } from '@ops/shared/events';

/** A command, before it has an id and a deadline. */
export interface PlannedDirective {
  readonly target: EventData<'directive.issued'>['target'];
  readonly action: EventData<'directive.issued'>['action'];
  readonly parameters: EventData<'directive.issued'>['parameters'];
}

/** The response that is in force, with every `unchanged` filled in. */
export interface AppliedResponse {
  readonly max_agents: number;
  readonly max_agents_non_revenue: number;
  readonly dispatch_delay_ms: number;
  readonly models: 'all' | 'ollama-only' | 'external-only';
  readonly models_bind: 'all-work' | 'non-critical-work';
  readonly non_revenue_work: 'runs' | 'paused';
  readonly routing: 'open' | 'halted';
  readonly deployments: Response['deployments'];
  readonly maintenance: Response['maintenance'];
}

/**
 * What is in force after a change of level: `unchanged` keeps what was. Nucleus is told to halt task routing at
 * emergency, and to go on below it; a blind guard leaves that too.
 */
export function applyResponse(
  before: AppliedResponse,
  response: Response,
  level: EventData<'guard.level-changed'>['level'],
): AppliedResponse {
  const keep = <T>(next: T | 'unchanged', old: T): T => (next === 'unchanged' ? old : next);
  return {
    max_agents: keep(response.max_agents, before.max_agents),
    max_agents_non_revenue: keep(response.max_agents_non_revenue, before.max_agents_non_revenue),
    dispatch_delay_ms: keep(response.dispatch_delay_ms, before.dispatch_delay_ms),
    models: keep(response.models, before.models),
    models_bind: keep(response.models_bind, before.models_bind),
    non_revenue_work: keep(response.non_revenue_work, before.non_revenue_work),
    routing: level === 'unknown' ? before.routing : level === 'emergency' ? 'halted' : 'open',
    deployments: response.deployments,
    maintenance: response.maintenance,
  };
}

/**
 * The commands that lead to a response from wherever its targets are: one for each thing in which any response that they
 * may be following differs. In the order of the protocol when it gets worse: pause what earns nothing, halt routing,
 * fewer agents, models, then the gates. When it gets better the same order backwards: what was taken last is given back
 * first, and routing opens only when there are agents again.
 *
 * @param followed what targets may be following, the newest last
 */
export function decideDirectives(followed: readonly AppliedResponse[], after: AppliedResponse): readonly PlannedDirective[] {
  const steps: [readonly (keyof AppliedResponse)[], PlannedDirective][] = [
    [
      ['non_revenue_work'],
      {
        target: 'kimi-swarm',
        action: after.non_revenue_work === 'paused' ? 'pause-non-revenue' : 'resume-non-revenue',
        parameters: {},
      },
    ],
    [['routing'], { target: 'nucleus', action: after.routing === 'halted' ? 'halt-routing' : 'resume-routing', parameters: {} }],
    [
      ['max_agents', 'max_agents_non_revenue', 'dispatch_delay_ms'],
      {
        target: 'kimi-swarm',
        action: 'limit-agents',
        parameters: {
          max_agents: after.max_agents,
          max_agents_non_revenue: after.max_agents_non_revenue,
          dispatch_delay_ms: after.dispatch_delay_ms,
        },
      },
    ],
    [
      ['models', 'models_bind'],
      { target: 'model-router', action: 'set-models', parameters: { models: after.models, bind: after.models_bind } },
    ],
    [['deployments'], { target: 'deployer', action: 'gate-deployments', parameters: { deployments: after.deployments } }],
    [['maintenance'], { target: 'maintenance', action: 'gate-maintenance', parameters: { maintenance: after.maintenance } }],
  ];
  const changed = steps
    .filter(([fields]) => followed.some((before) => fields.some((field) => before[field] !== after[field])))
    .map(([, planned]) => planned);
  const newest = followed.at(-1);
  return newest !== undefined && relaxes(newest, after) ? changed.reverse() : changed;
}

function relaxes(before: AppliedResponse, after: AppliedResponse): boolean {
  return weight(after) < weight(before);
}

const GATE = { allowed: 0, deferred: 1, blocked: 2 } as const;

function weight(applied: AppliedResponse): number {
  return (
    (applied.non_revenue_work === 'paused' ? 100 : 0) +
    (applied.routing === 'halted' ? 100 : 0) +
    (applied.models === 'all' ? 0 : applied.models_bind === 'all-work' ? 20 : 10) +
    GATE[applied.deployments] +
    (applied.dispatch_delay_ms > 0 ? 1 : 0)
  );
}
