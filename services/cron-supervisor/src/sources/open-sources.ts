import type { ServiceContext } from '@ops/shared/runtime';
import type { Database } from '../state/tables.js';
import { heartbeatSource } from './heartbeat/heartbeat-source.js';
import type { KillOrders } from './heartbeat/kill-orders.js';
import { OpenClawSource } from './openclaw/openclaw-source.js';
import type { OwnWork } from './own/own-work.js';
import type { JobSource } from './source.js';
import { WorkflowSource } from './workflows/workflow-source.js';

/** Every source that ops.yaml names, the one of heartbeats, and our own work, by name. */
export function makeSources(
  { config, clock }: ServiceContext,
  database: Database,
  orders: KillOrders,
  own: OwnWork,
): ReadonlyMap<string, JobSource> {
  const sources: JobSource[] = [heartbeatSource(config, database, orders), own];
  for (const one of config.cron.sources) {
    if ('openclaw' in one) sources.push(new OpenClawSource(one.openclaw, clock));
    else sources.push(new WorkflowSource(one.workflows, orders, clock));
  }
  return new Map(sources.map((source) => [source.name, source]));
}
