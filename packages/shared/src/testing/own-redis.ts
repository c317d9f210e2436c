import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { onPort } from '../embedded/ports.js';
import { redisUrlOf } from '../embedded/record.js';
import { startRedis } from '../embedded/redis.js';
import { findRedis, type RedisProgram } from '../embedded/redis-program.js';
import type { RunningServer } from '../embedded/server.js';
import { freePort } from './free-port.js';
import { remember, testFolder } from './test-servers.js';

/** A Redis of one test, to be hurt. Its URL stays the same through every restart. */
export interface OwnRedis {
  url: string;
  port: number;
  password: string;
  /** Stops it in good order; with `durable` what it holds is kept. */
  stop(): Promise<void>;
  /** kill -9: up to one second of what it was told may be lost. */
  kill(): Promise<void>;
  /** Starts it again after `stop` or `kill`. */
  start(): Promise<void>;
  /** Freezes it: connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** Ends it and deletes its data. */
  close(): Promise<void>;
}

export interface OwnRedisOptions {
  /** With an append-only file, which is the default. */
  durable?: boolean;
  /** Further lines of its configuration. */
  lines?: readonly string[];
  /** Servers of one group share it. */
  password?: string;
  sentinel?: boolean;
  /** Another redis-server than that on the PATH. */
  program?: RedisProgram;
}

/** Starts a Redis that belongs to one test, which may stop, kill, freeze and restart it. */
export async function ownRedis(options: OwnRedisOptions = {}): Promise<OwnRedis> {
  const { durable = true, lines = [], password = randomBytes(16).toString('hex'), sentinel = false } = options;
  const [program, folder] = [options.program ?? (await findRedis()), await testFolder()];
  const launch = (port: number) => startRedis({ program, folder, password, durable, port, lines, sentinel });
  let server: RunningServer = remember(await onPort(freePort, launch));
  const { port } = server;
  const signal = (name: NodeJS.Signals) => process.kill(server.process.pid, name);
  const stop = async () => {
    // A frozen process hears SIGTERM only when it goes on.
    if (server.alive()) signal('SIGCONT');
    await server.stop();
  };
  return {
    url: redisUrlOf(port, password),
    port,
    password,
    stop,
    kill: async () => {
      if (server.alive()) signal('SIGKILL');
      await server.stop();
    },
    start: async () => {
      server = remember(await launch(port));
    },
    pause: () => void signal('SIGSTOP'),
    resume: () => void signal('SIGCONT'),
    close: async () => {
      await stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
