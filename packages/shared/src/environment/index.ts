// The narrow door: what a short-lived program needs before it does anything, without clients and servers.
export { parseDuration } from '../config/units.js';
export { type Environment, EnvironmentError, readEnvironment, rememberNamedSecrets } from '../runtime/env.js';
