import type { EventDraft } from '../events/index.js';

/** An alert that somebody outside reports, about one subject. */
export const alert = (status: string): EventDraft => ({
  type: 'alert.reported',
  subject: 'crm',
  data: { service: 'crm', status, metric: 'm', threshold: 1, current_value: 2, timestamp: '2026-11-23T10:00:00Z' },
});

/** A guard level: of the types that replicas must confirm. */
export const level = (generation: number): EventDraft => ({
  type: 'guard.level-changed',
  subject: 'h',
  purpose: `level ${generation}`,
  at: 0,
  data: {
    host: 'h',
    level: 'warn',
    from: 'normal',
    generation,
    reason: 'a test',
    metric: 'cpu',
    source: 'own',
    readings: { cpu_percent: 80, iowait_percent: 0, cpu_pressure: 0, ram_percent: 10, disk_percent: 10 },
    response: {
      max_agents: 'unchanged',
      max_agents_non_revenue: 'unchanged',
      dispatch_delay_ms: 'unchanged',
      models: 'unchanged',
      models_bind: 'unchanged',
      non_revenue_work: 'unchanged',
      deployments: 'blocked',
      maintenance: 'deferred',
    },
    top_processes: null,
    since: '2026-11-23T10:00:00Z',
  },
});
