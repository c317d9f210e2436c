import type { EventData, EventDraft, Level } from '@ops/shared/events';

const READINGS = { cpu_percent: 97, iowait_percent: 0, cpu_pressure: 80, ram_percent: 20, disk_percent: 10 };
export const LONG = { service: 'x'.repeat(200), metric: 'y'.repeat(200) };
export const FINGERPRINT = '0123456789abcdef';
export const OTHER = 'fedcba9876543210';
export const ALERT = {
  service: 'postgresql',
  status: 'down',
  metric: 'health',
  threshold: 'accepting connections',
  current_value: 'ECONNREFUSED',
  timestamp: '2026-11-23T10:00:00.000Z',
  fingerprint: FINGERPRINT,
  severity: 'critical' as const,
  summary: 'postgresql is down: ECONNREFUSED',
};

export function raised(change: Partial<EventData<'alert.raised'>>): EventDraft<'alert.raised'> {
  const data = { ...ALERT, depends_on: [], affects: [], silenced: false, ...change };
  return { type: 'alert.raised', subject: data.service, data };
}

export function cleared(change: Partial<EventData<'alert.cleared'>>): EventDraft<'alert.cleared'> {
  const data = { ...ALERT, status: 'up', raised_at: ALERT.timestamp, duration: 12, ...change };
  return { type: 'alert.cleared', subject: data.service, data };
}

export function reminded(reminder: number): EventDraft<'alert.reminded'> {
  const data = { ...ALERT, raised_at: ALERT.timestamp, duration: 14_400 * reminder, reminder };
  return { type: 'alert.reminded', subject: ALERT.service, purpose: `reminder ${reminder}`, data };
}

export function acknowledged(fingerprint: string): EventDraft<'alert.acknowledged'> {
  return {
    type: 'alert.acknowledged',
    subject: ALERT.service,
    data: {
      fingerprint,
      service: ALERT.service,
      metric: ALERT.metric,
      by: 'maurice',
      reason: 'I am on it',
      at: new Date().toISOString(),
    },
  };
}

export function runaway(): EventDraft<'guard.runaway-handled'> {
  return {
    type: 'guard.runaway-handled',
    subject: 'test-host',
    data: {
      host: 'test-host',
      mode: 'on',
      result: 'killed',
      victim: { pid: 4242, name: 'hog', rss_bytes: 1e9, cpu_percent: 90, start_time: '77' },
      processes: 1,
      members: [],
      container: null,
      by: 'signals',
      engine_refused: null,
      reason: 'RAM is at 95 %',
      took_ms: 1100,
      evidence: { by_memory: [], by_cpu: [], readings: READINGS },
    },
  };
}

export function level(to: Level, from: Level, generation: number): EventDraft<'guard.level-changed'> {
  return {
    type: 'guard.level-changed',
    subject: 'test-host',
    data: {
      host: 'test-host',
      level: to,
      from,
      generation,
      reason: `it was ${to}`,
      metric: 'cpu',
      source: 'own',
      readings: READINGS,
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
      top_processes:
        to === 'normal' ? null : { by_memory: [], by_cpu: [{ pid: 4242, name: 'hog', rss_bytes: 1e9, cpu_percent: 190 }] },
      since: new Date().toISOString(),
    },
  };
}
