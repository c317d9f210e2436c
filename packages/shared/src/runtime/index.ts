export { evenPause, onBeat } from '../schedule/even-pause.js';
export { askedBy } from './access.js';
export { type Clock, systemClock } from './clock.js';
export { type DockerAddress, dockerAddress } from './docker-address.js';
export {
  type Environment,
  EnvironmentError,
  namedSecret,
  readEnvironment,
  rememberNamedSecrets,
  toolEnvironment,
} from './env.js';
export { type HostedServices, type HostOptions, hostServices } from './host-services.js';
export { parseBody } from './http.js';
export { HttpError } from './http-error.js';
export { createLogger, type Logger, logFile } from './logger.js';
export { Nudge } from './nudge.js';
export { Releases } from './releases.js';
export { runService } from './run-service.js';
export type { Loop, ServiceContext, ServiceDefinition, Wiring } from './service.js';
