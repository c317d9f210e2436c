import type { OpsConfig } from '@ops/shared/config';
import type { Level, Response } from '@ops/shared/events';

type Table = OpsConfig['guard']['response'];

// Hard rules, not settings: nothing is deployed onto a host that is overloaded or that nobody sees.
const GATES = {
  normal: { deployments: 'allowed', maintenance: 'allowed' },
  warn: { deployments: 'allowed', maintenance: 'allowed' },
  critical: { deployments: 'deferred', maintenance: 'deferred-unless-it-frees-disk' },
  emergency: { deployments: 'blocked', maintenance: 'deferred' },
  unknown: { deployments: 'blocked', maintenance: 'deferred' },
} as const satisfies Record<Level, Pick<Response, 'deployments' | 'maintenance'>>;

const UNCHANGED = {
  max_agents: 'unchanged',
  max_agents_non_revenue: 'unchanged',
  dispatch_delay_ms: 'unchanged',
  models: 'unchanged',
  models_bind: 'unchanged',
  non_revenue_work: 'unchanged',
} as const;

/** What a level asks of everybody: the protocol's table, as ops.yaml has it. Blind, nothing is moved and nothing new begins. */
export function responseFor(level: Level, table: Table): Response {
  if (level === 'unknown') return { ...UNCHANGED, ...GATES.unknown };
  const { max_agents, max_agents_non_revenue, dispatch_delay, models, models_bind, pause_non_revenue } = table[level];
  return {
    max_agents,
    max_agents_non_revenue,
    dispatch_delay_ms: dispatch_delay,
    models,
    models_bind,
    non_revenue_work: pause_non_revenue ? 'paused' : 'runs',
    ...GATES[level],
  };
}
