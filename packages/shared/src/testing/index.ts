export { eventually } from './eventually.js';
export { type FaultProxy, faultProxy } from './fault-proxy.js';
export { type LeakCheck, leakCheck } from './leak-check.js';
export { type OwnRedis, ownRedis } from './own-redis.js';
export { type Recorded, type Recorder, recorder } from './recorder.js';
export { type TestHost, testHost } from './test-host.js';
export { type TestPostgres, testPostgres } from './test-postgres.js';
export { type FreshRedis, type TestRedis, testRedis } from './test-redis.js';
export { stopTestServers } from './test-servers.js';
