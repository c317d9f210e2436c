export { type CronPolicy, type HeartbeatJob, heartbeatJob, type OutputRule } from './cron.js';
export type { HealthCheck } from './health.js';
export { OWN_TOKEN, SCOPES, type Scope } from './http.js';
export { ConfigError, loadConfig, parseConfig } from './load.js';
export { isProtected } from './protection.js';
export { type InventoryService, type OpsConfig, opsConfig } from './schema.js';
export { parseDuration } from './units.js';
