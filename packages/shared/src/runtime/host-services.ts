import { Registry } from 'prom-client';
import type { OpsConfig } from '../config/index.js';
import { STREAM_NAMES } from '../events/index.js';
import { redactor, type Secret } from '../secrets/index.js';
import { EntryReader, openClient, trimStream } from '../streams/index.js';
import { systemClock } from './clock.js';
import { rememberNamedSecrets } from './env.js';
import { openHttpServer } from './http.js';
import type { Logger } from './logger.js';
import { measureProcess } from './process-metrics.js';
import { RedisSafety } from './redis-safety.js';
import { Releases } from './releases.js';
import type { ServiceDefinition } from './service.js';
import { ServiceRunner } from './service-runner.js';
import { Tokens } from './tokens.js';

export interface HostOptions {
  readonly config: OpsConfig;
  readonly host: string;
  readonly home: string;
  readonly port: number;
  readonly token: Secret;
  readonly redisUrl: Secret;
  readonly databaseUrl: Secret;
  readonly dockerHost: string | undefined;
  readonly ownPids: readonly number[];
  /** Says a line to the person at the console. */
  readonly announce: (line: string) => void;
  readonly log: Logger;
}

export interface HostedServices {
  /** `http://address:port`. */
  readonly address: string;
  /** Service → what is missing. */
  missing(): Readonly<Record<string, readonly string[]>>;
  /** Resolves when every service is running and reads its streams. */
  ready(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

const TRIM_EVERY_MS = 600_000;

/**
 * Runs services in one process, behind one HTTP server. A start that fails half-way unwinds. Throws an UnsafeRedisError for a
 * Redis that answers and may lose events, and an EnvironmentError for a token of ops.yaml that cannot be used.
 */
export async function hostServices(definitions: readonly ServiceDefinition[], options: HostOptions): Promise<HostedServices> {
  const { config, log } = options;
  const clock = systemClock;
  const metrics = new Registry();
  measureProcess(metrics);
  redactor.add(options.token.reveal());
  rememberNamedSecrets(config);
  const tokens = Tokens.open(options.token, config.http.tokens);
  const releases = new Releases(log);
  const safety = new RedisSafety({
    url: options.redisUrl.reveal(),
    policy: config.bus.unsafe_redis,
    confirmDisk: config.bus.confirm_disk,
    log,
    announce: options.announce,
  });
  releases.add('look at Redis', () => safety.close());
  const facts = { ...options, clock, metrics, reader: new EntryReader(), safety };
  const runners = definitions.map((definition) => new ServiceRunner(definition, facts));
  const missing = () => Object.fromEntries(runners.map((runner) => [runner.name, runner.missing()]));
  try {
    await safety.begin();
    for (const runner of runners) {
      releases.add(`service ${runner.name}`, () => runner.stop());
      await runner.start();
    }
    const http = await openHttpServer(
      { bind: config.http.bind, port: options.port, tokens, metrics, log, missing },
      (router, scoped) => {
        for (const runner of runners) runner.wiring?.routes?.(router, scoped);
      },
    );
    releases.add('http', http.close);
    releases.add('retention', keepRetention(options));
    return {
      address: `http://${config.http.bind}:${http.port}`,
      missing,
      async ready(signal) {
        while (!signal?.aborted && Object.values(missing()).some((reasons) => reasons.length > 0)) await clock.sleep(50, signal);
      },
      stop: () => releases.unwind(20_000),
    };
  } catch (error) {
    await releases.unwind();
    throw error;
  }
}

// Any number of processes may do it: trimming twice trims nothing more.
function keepRetention({ config, redisUrl, log }: HostOptions): () => Promise<void> {
  const client = openClient(redisUrl.reveal(), 'ops-retention');
  const trim = async () => {
    const { streams, unread } = config.retention;
    const policy = { keepMs: streams, unreadMaxAgeMs: unread.max_age, unreadMaxEntries: unread.max_entries };
    const trimOne = async (stream: string) => {
      for (const lost of (await trimStream(client, stream, policy, Date.now())).unread)
        log.error(
          { stream, ...lost },
          'entries were trimmed past the ceiling of retention.unread before the group had handled them',
        );
    };
    // One that cannot be trimmed must not keep the others from it.
    for (const stream of STREAM_NAMES)
      await trimOne(stream).catch((error: unknown) => log.warn({ stream, error }, 'retention did not run'));
  };
  const timer = setInterval(() => void trim(), TRIM_EVERY_MS);
  return async () => {
    clearInterval(timer);
    client.disconnect();
  };
}
