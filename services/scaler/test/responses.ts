import type { Response } from '@ops/shared/events';

/** The protocol's answer to each level, as guard.level-changed carries it. */
export const RESPONSES: Record<'normal' | 'warn' | 'critical' | 'emergency' | 'unknown', Response> = {
  normal: row(500, 500, 0, 'all', 'all-work', 'runs', 'allowed', 'allowed'),
  warn: row(200, 200, 100, 'all', 'all-work', 'runs', 'allowed', 'allowed'),
  critical: row(50, 50, 100, 'ollama-only', 'non-critical-work', 'runs', 'deferred', 'deferred-unless-it-frees-disk'),
  emergency: row(50, 0, 100, 'ollama-only', 'all-work', 'paused', 'blocked', 'deferred'),
  unknown: row('unchanged', 'unchanged', 'unchanged', 'unchanged', 'unchanged', 'unchanged', 'blocked', 'deferred'),
};

function row(
  ...[agents, others, delay, models, bind, work, deployments, maintenance]: [
    Response['max_agents'],
    Response['max_agents_non_revenue'],
    Response['dispatch_delay_ms'],
    Response['models'],
    Response['models_bind'],
    Response['non_revenue_work'],
    Response['deployments'],
    Response['maintenance'],
  ]
): Response {
  return {
    max_agents: agents,
    max_agents_non_revenue: others,
    dispatch_delay_ms: delay,
    models,
    models_bind: bind,
    non_revenue_work: work,
    deployments,
    maintenance,
  };
}
