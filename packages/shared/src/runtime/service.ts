import type { Kysely } from 'kysely';
import type { Registry } from 'prom-client';
import type { OpsConfig } from '../config/index.js';
import type { JobHandler, Queues } from '../queues/index.js';
import type { Migrations } from '../storage/index.js';
import type { Handlers, Publisher, RedisClient } from '../streams/index.js';
import type { Clock } from './clock.js';
import type { Routes } from './http.js';
import type { Logger } from './logger.js';

/** What the runtime gives to a service. Clients connect when they are used, and reconnect by themselves. */
export interface ServiceContext {
  readonly config: OpsConfig;
  readonly host: string;
  readonly home: string;
  readonly dockerHost: string | undefined;
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly redis: RedisClient;
  readonly database: Kysely<unknown>;
  readonly publisher: Publisher;
  readonly queues: Queues;
  /** Says a line to the person at the console. */
  readonly announce: (line: string) => void;
  /** Own process ids that must never be a victim: the embedded servers. */
  readonly ownPids: readonly number[];
  /** Aborted when the service stops. */
  readonly signal: AbortSignal;
}

/** Work that repeats. A round that throws is logged and does not end the loop. */
export interface Loop {
  readonly name: string;
  /** One round; returns the pause until the next, in ms. */
  readonly round: (signal: AbortSignal) => Promise<number>;
  /** It begins at once, before Redis or PostgreSQL answer: a guard must not wait for a database. */
  readonly early?: boolean;
}

/** A service, on one page: what it does on which event, job and period. */
export interface Wiring {
  readonly on: Handlers;
  readonly jobs?: readonly JobHandler[];
  readonly loops?: readonly Loop[];
  readonly routes?: Routes;
  /** What is missing for full work; empty when ready. */
  readonly missing?: () => readonly string[];
  /** Ends what the service opened itself. */
  readonly stop?: () => Promise<void>;
}

export interface ServiceDefinition {
  /** Also its consumer group, its database schema and its queue. */
  readonly name: string;
  readonly migrations: Migrations;
  readonly wire: (context: ServiceContext) => Promise<Wiring>;
}
