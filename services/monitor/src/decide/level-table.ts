import type { Level } from './level-types.js';

/** What a level asks of everybody: one row of the protocol's table (design 4). `unchanged` means: keep what was in force. */
export interface LevelResponse {
  readonly level: Level;
  /** Most agents that may run at once, by class of work. */
  readonly maxAgents: { readonly revenue: number; readonly nonRevenue: number } | 'unchanged';
  /** Pause between two dispatches, in milliseconds. */
  readonly dispatchDelayMs: number | 'unchanged';
  readonly models: 'all' | 'ollama-only' | 'unchanged';
  /** Which work `models` binds: at critical, critical work may still use every model. */
  readonly modelsBind: 'all-work' | 'non-critical-work' | 'unchanged';
  readonly nonRevenueWork: 'runs' | 'paused' | 'unchanged';
  readonly deployments: 'allowed' | 'deferred' | 'blocked';
  readonly maintenance: 'allowed' | 'deferred-unless-it-frees-disk' | 'deferred';
}

const table: { readonly [level in Level]: LevelResponse } = {
  normal: {
    level: 'normal',
    maxAgents: { revenue: 500, nonRevenue: 500 },
    dispatchDelayMs: 0,
    models: 'all',
    modelsBind: 'all-work',
    nonRevenueWork: 'runs',
    deployments: 'allowed',
    maintenance: 'allowed',
  },
  warn: {
    level: 'warn',
    maxAgents: { revenue: 200, nonRevenue: 200 },
    dispatchDelayMs: 100,
    models: 'all',
    modelsBind: 'all-work',
    nonRevenueWork: 'runs',
    deployments: 'allowed',
    maintenance: 'allowed',
  },
  critical: {
    level: 'critical',
    maxAgents: { revenue: 50, nonRevenue: 50 },
    dispatchDelayMs: 100,
    models: 'ollama-only',
    modelsBind: 'non-critical-work',
    nonRevenueWork: 'runs',
    deployments: 'deferred',
    maintenance: 'deferred-unless-it-frees-disk',
  },
  emergency: {
    level: 'emergency',
    maxAgents: { revenue: 50, nonRevenue: 0 },
    dispatchDelayMs: 100,
    models: 'ollama-only',
    modelsBind: 'all-work',
    nonRevenueWork: 'paused',
    deployments: 'blocked',
    maintenance: 'deferred',
  },
  // Blind: work goes on as it was, but nothing new is put onto a host that nobody sees.
  unknown: {
    level: 'unknown',
    maxAgents: 'unchanged',
    dispatchDelayMs: 'unchanged',
    models: 'unchanged',
    modelsBind: 'unchanged',
    nonRevenueWork: 'unchanged',
    deployments: 'blocked',
    maintenance: 'deferred',
  },
};

/** The protocol's answer to a level. `maxAgents` is the total of both classes, except at emergency, where only revenue work runs. */
export function responseFor(level: Level): LevelResponse {
  return table[level];
}
