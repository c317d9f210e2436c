export { EmbeddedError, type EmbeddedErrorCode } from './errors.js';
export { type Instance, type InstanceOptions, type InstanceServer, openInstance } from './instance.js';
export { ensureToken } from './private-files.js';
export { identify, isAlive, type ProcessIdentity } from './process-identity.js';
export { type InstanceAddresses, readInstance } from './record.js';
