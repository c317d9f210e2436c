import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../config/index.js';
import { createLogger, type HostedServices, hostServices, type ServiceDefinition } from '../runtime/index.js';
import { Secret } from '../secrets/index.js';
import { createPublisher, openClient, type Publisher, type RedisClient } from '../streams/index.js';
import { testPostgres } from './test-postgres.js';
import { testRedis } from './test-redis.js';

/** Services of ours on real, empty servers, in this process. */
export interface TestHost {
  readonly redis: RedisClient;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** Publishes as somebody else. */
  readonly publisher: Publisher;
  readonly hosted: HostedServices;
  readonly token: string;
  /** Every log line so far. */
  readonly log: readonly string[];
  /** Every line that was said to the person at the console. */
  readonly announced: readonly string[];
  close(): Promise<void>;
}

const SMALLEST = 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }';

/**
 * Starts services and waits until they read their streams.
 * @param yaml an ops.yaml; the smallest one where it is not given
 * @param servers to go on with the servers of an earlier host
 * @param home a folder that stays; a new one that goes with the host where it is not given
 * @param dockerHost the engine of a test that needs one
 */
export async function testHost(
  definitions: readonly ServiceDefinition[],
  {
    yaml = SMALLEST,
    servers,
    home: givenHome,
    dockerHost,
  }: { yaml?: string; servers?: Pick<TestHost, 'redisUrl' | 'databaseUrl'>; home?: string; dockerHost?: string | undefined } = {},
): Promise<TestHost> {
  const redisUrl = servers?.redisUrl ?? (await (await testRedis()).fresh()).url;
  const databaseUrl = servers?.databaseUrl ?? (await (await testPostgres()).fresh());
  const home = givenHome ?? (await mkdtemp(join(tmpdir(), 'ops-test-host-')));
  const token = randomBytes(16).toString('hex');
  const log: string[] = [];
  const announced: string[] = [];
  const hosted = await hostServices(definitions, {
    config: parseConfig(yaml),
    host: 'test-host',
    home,
    port: 0,
    token: new Secret(token),
    redisUrl: new Secret(redisUrl),
    databaseUrl: new Secret(databaseUrl),
    dockerHost,
    ownPids: [],
    announce: (line) => announced.push(line),
    log: createLogger('debug', { write: (line) => log.push(line) }),
  });
  await hosted.ready(AbortSignal.timeout(30_000));
  const redis = openClient(redisUrl, 'test-host');
  await redis.connect();
  const publisher = createPublisher({ client: redis, origin: { service: 'test', host: 'test-host' }, now: () => Date.now() });
  return {
    redis,
    redisUrl,
    databaseUrl,
    publisher,
    hosted,
    token,
    log,
    announced,
    async close() {
      await publisher.close();
      redis.disconnect();
      await hosted.stop();
      if (givenHome === undefined) await rm(home, { recursive: true, force: true });
    },
  };
}
