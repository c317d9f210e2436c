import { loadConfig } from '../config/index.js';
import { redactor } from '../secrets/index.js';
import { OpsError } from '../streams/index.js';
import { readEnvironment } from './env.js';
import { hostServices } from './host-services.js';
import { createLogger } from './logger.js';
import { UnsafeRedisError } from './redis-safety.js';
import type { ServiceDefinition } from './service.js';

/**
 * A service as a process of its own, on servers that are given (REDIS_URL, DATABASE_URL, OPS_TOKEN). SIGTERM and SIGINT
 * stop it in order; a second one forces. Exit code 0 after an orderly stop, 1 where it could not start.
 */
export async function runService(definition: ServiceDefinition): Promise<void> {
  const environment = readEnvironment();
  const log = createLogger(environment.logLevel);
  const { redisUrl, databaseUrl, token } = environment;
  if (redisUrl === undefined || databaseUrl === undefined || token === undefined) {
    throw new OpsError('ENVIRONMENT_INVALID', 'a service of its own needs REDIS_URL, DATABASE_URL and OPS_TOKEN (or *_FILE)');
  }
  const config = loadConfig(environment.configFile);
  const hosted = await hostServices([definition], {
    ...environment,
    host: config.host ?? environment.host,
    redisUrl,
    databaseUrl,
    token,
    config,
    ownPids: [],
    announce: (line) => process.stdout.write(`${line}\n`),
    log,
  }).catch((error: unknown) => {
    if (!(error instanceof UnsafeRedisError)) throw error;
    process.stderr.write(`${definition.name}: ${redactor.text(error.message)}\n`);
    process.exit(1);
  });
  log.info({ service: definition.name, address: hosted.address }, 'started');
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    void hosted.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
