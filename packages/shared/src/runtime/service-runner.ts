import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import type { OpsConfig } from '../config/index.js';
import { catalogEntry, type StreamName } from '../events/index.js';
import { deferring, onDeliverAgain, openQueues } from '../queues/index.js';
import { evenPause } from '../schedule/even-pause.js';
import type { Secret } from '../secrets/index.js';
import { migrate, openDatabase } from '../storage/index.js';
import {
  createPublisher,
  type EntryReader,
  openBlockingClient,
  openClient,
  openSpool,
  type Spool,
  StreamConsumer,
} from '../streams/index.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { RedisSafety } from './redis-safety.js';
import { Releases } from './releases.js';
import type { Loop, ServiceContext, ServiceDefinition, Wiring } from './service.js';
import { measureSpool } from './spool-metrics.js';

export interface HostFacts {
  readonly config: OpsConfig;
  readonly host: string;
  readonly home: string;
  readonly dockerHost: string | undefined;
  readonly redisUrl: Secret;
  readonly databaseUrl: Secret;
  readonly ownPids: readonly number[];
  readonly announce: (line: string) => void;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Registry;
  /** Shared by all services: they read the same entries. */
  readonly reader: EntryReader;
  readonly safety: Pick<RedisSafety, 'reasons' | 'confirm'>;
}

export type ServiceState = 'starting' | 'running' | 'failed' | 'stopping' | 'stopped';

const DRAIN_MS = 8000;
// Entries of one stream in hand at once.
const CONCURRENCY = 256;

/**
 * Runs one service: starting → running → stopping → stopped, and starting → failed → starting again after a pause.
 * What fails in one service is logged and tried again; its neighbours in the process do not notice.
 */
export class ServiceRunner {
  readonly name: string;
  state: ServiceState = 'starting';
  #why = 'starting';
  #wiring: Wiring | undefined;
  readonly #consumers: StreamConsumer[] = [];
  readonly #consuming = new Set<StreamName>();
  readonly #definition: ServiceDefinition;
  readonly #facts: HostFacts;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  readonly #releases: Releases;
  #running: Promise<void> = Promise.resolve();

  constructor(definition: ServiceDefinition, facts: HostFacts) {
    this.name = definition.name;
    this.#definition = definition;
    this.#facts = facts;
    this.#log = facts.log.child({ service: definition.name });
    this.#releases = new Releases(this.#log);
  }

  get wiring(): Wiring | undefined {
    return this.#wiring;
  }

  /** Why it is not ready; empty when it is. */
  missing(): readonly string[] {
    const unsafe = this.#facts.safety.reasons();
    if (this.state !== 'running') return unsafe.length > 0 ? unsafe : [this.#why];
    const deaf = this.#consumers.filter(({ reading }) => !reading).length;
    return [...unsafe, ...(deaf > 0 ? [`${deaf} streams are not being read`] : []), ...(this.#wiring?.missing?.() ?? [])];
  }

  /** Wires the service and starts its early loops; storage, consumers, queues and the other loops follow as soon as their servers answer. */
  async start(): Promise<void> {
    const context = await this.#openContext();
    this.#wiring = await this.#definition.wire(context);
    const { stop, loops = [] } = this.#wiring;
    if (stop !== undefined) this.#releases.add('the service', stop);
    this.#startLoops(loops.filter(({ early }) => early === true));
    this.#running = this.#connect(context);
  }

  /** Ends it, last opened first; never rejects. */
  async stop(): Promise<void> {
    this.state = 'stopping';
    this.#why = 'stopping';
    this.#stop.abort();
    await this.#running;
    await this.#releases.unwind();
    this.state = 'stopped';
  }

  async #openContext(): Promise<ServiceContext> {
    const { config, host, home, dockerHost, redisUrl, databaseUrl, ownPids, announce, clock, metrics } = this.#facts;
    const { name } = this.#definition;
    const redis = openClient(redisUrl.reveal(), `ops-${name}`);
    this.#releases.add('redis', async () => redis.disconnect());
    const database = openDatabase(databaseUrl.reveal(), name);
    this.#releases.add('database', () => database.destroy());
    const publisher = createPublisher({
      client: redis,
      origin: { service: name, host },
      now: () => clock.now(),
      log: this.#log,
      spool: await this.#openSpool(),
      minReplicas: config.bus.min_replicas,
      confirmDisk: config.bus.confirm_disk,
      replicaTimeoutMs: config.bus.replica_timeout,
    });
    measureSpool(metrics, name, publisher);
    this.#releases.add('publisher', () => publisher.close());
    const queues = openQueues(redisUrl.reveal(), name, publisher, this.#log, metrics);
    this.#releases.add('queues', () => queues.close());
    return {
      config,
      host,
      home,
      dockerHost,
      log: this.#log,
      clock,
      metrics,
      redis,
      database,
      publisher,
      queues,
      announce,
      ownPids,
      signal: this.#stop.signal,
    };
  }

  // Without it the service does its work all the same: while Redis is away, its events are refused instead of kept.
  async #openSpool(): Promise<Spool | undefined> {
    const { home, config } = this.#facts;
    try {
      const maxBytes = config.bus.spool.max_mb * 1024 * 1024;
      const spool = await openSpool(join(home, 'spool', this.name), { maxBytes, log: this.#log });
      this.#releases.add('spool', () => spool.close());
      return spool;
    } catch (error) {
      this.#log.error({ error }, 'no spool: while Redis is away, events are refused');
      return undefined;
    }
  }

  async #connect(context: ServiceContext): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; failures += 1) {
      try {
        await this.#facts.safety.confirm();
        // What needs no table must not wait for one; a handler that needs one waits by itself.
        await this.#consume(context);
        await migrate(context.database, this.name, this.#definition.migrations);
        this.#startLoops((this.#wiring?.loops ?? []).filter(({ early }) => early !== true));
        this.#work(context);
        this.state = 'running';
        this.#log.info('running');
        return;
      } catch (error) {
        this.state = 'failed';
        this.#why = error instanceof Error ? error.message : String(error);
        this.#log.warn({ error, failures }, 'cannot start yet, trying again');
        await context.clock.sleep(Math.min(250 * 2 ** Math.min(failures, 6), 10_000), this.#stop.signal);
      }
    }
  }

  async #consume({ redis, publisher, queues, log, clock, metrics, config }: ServiceContext): Promise<void> {
    const handlers = this.#wiring?.on ?? {};
    const streams = new Set<StreamName>();
    for (const type of Object.keys(handlers)) {
      const entry = catalogEntry(type);
      if (entry !== undefined) streams.add(entry.stream);
    }
    for (const stream of streams) {
      if (this.#consuming.has(stream)) continue;
      const blocking = openBlockingClient(this.#facts.redisUrl.reveal(), `ops-${this.name}-read-${stream}`);
      const consumer = new StreamConsumer({
        client: redis,
        blocking,
        publisher,
        stream,
        group: this.name,
        consumer: `${this.#facts.host}-${process.pid}-${randomBytes(3).toString('hex')}`,
        handlers,
        concurrency: CONCURRENCY,
        leaseMs: config.bus.lease,
        maxAttempts: 5,
        maxDeliveries: 5,
        backoffMs: 200,
        doneTtlMs: config.retention.done_markers,
        defer: deferring(queues, stream, this.name),
        log,
        now: () => clock.now(),
        metrics,
        reader: this.#facts.reader,
      });
      try {
        await consumer.start();
      } catch (error) {
        // The next try opens its own.
        blocking.disconnect();
        throw error;
      }
      this.#consuming.add(stream);
      this.#consumers.push(consumer);
      this.#releases.add(`reader of ${stream}`, async () => blocking.disconnect());
      this.#releases.add(`consumer of ${stream}`, () => consumer.drain(DRAIN_MS));
    }
  }

  // Who consumes may have put events off, also before a restart: they come back through the queue.
  #work({ queues, redis }: ServiceContext): void {
    const jobs = [...(this.#wiring?.jobs ?? []), ...(this.#consumers.length > 0 ? [onDeliverAgain(redis)] : [])];
    if (jobs.length > 0) queues.work(jobs);
  }

  #startLoops(loops: readonly Loop[]): void {
    const done = loops.map((loop) => this.#runLoop(loop));
    this.#releases.add('loops', async () => {
      await Promise.all(done);
    });
  }

  async #runLoop(loop: Loop): Promise<void> {
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      let pause: number;
      try {
        pause = await loop.round(signal);
        failures = 0;
      } catch (error) {
        failures += 1;
        // Said at 1, 2, 4, 8...: a server that stays away must not fill the disk with its absence.
        if ((failures & (failures - 1)) === 0) this.#log.warn({ loop: loop.name, failures, error }, 'a round failed');
        pause = Math.min(200 * 2 ** Math.min(failures, 6), 10_000);
      }
      const { clock } = this.#facts;
      if (!signal.aborted) await clock.sleep(evenPause(pause, clock.monotonic()), signal);
    }
  }
}
