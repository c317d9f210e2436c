import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverEnvironment } from './env.js';
import { startOnLeash } from './leash.js';
import { writePrivate } from './private-files.js';
import { isAlive } from './process-identity.js';
import { pingRedis } from './redis-ping.js';
import type { RedisProgram } from './redis-program.js';
import { type RunningServer, STOP_REDIS, stopper, untilUp } from './server.js';

export interface RedisOptions {
  program: RedisProgram;
  /** Where its data, its configuration and its log are. */
  folder: string;
  port: number;
  password: string;
  /** False keeps nothing on disk. For tests. */
  durable?: boolean;
  removeAfter?: string;
  /** Further lines of the configuration; they win over ours. For tests. */
  lines?: readonly string[];
  /** Runs as a Sentinel, which keeps no data. For tests. */
  sentinel?: boolean;
}

/**
 * Starts a Redis on loopback and waits until it answers.
 * Throws SERVER_DID_NOT_START, and leaves nothing running then.
 */
export async function startRedis(options: RedisOptions): Promise<RunningServer> {
  const { program, folder, port, password, removeAfter } = options;
  const log = join(folder, 'redis.log');
  const conf = join(folder, 'redis.conf');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The password is in a file, not on the command line: everyone on the machine sees the process table.
  await writePrivate(conf, configuration(options));
  const [command, args] =
    program.kind === 'binary'
      ? [program.path, options.sentinel === true ? [conf, '--sentinel'] : [conf]]
      : await containerCommand(program, folder, port);
  const leashed = await startOnLeash({ command, args, stopSignal: 'TERM', log, removeAfter });
  // A container may have to fetch its image first.
  await untilUp('Redis', leashed, log, () => pingRedis(port, password), program.kind === 'binary' ? 60_000 : 600_000);
  const detail =
    program.kind === 'binary'
      ? `redis ${program.version}, data in ${folder}`
      : `container of ${program.image}, data in ${folder}`;
  return {
    process: leashed.server,
    watcher: leashed.watcher,
    port,
    detail,
    stop: stopper(leashed.server, STOP_REDIS),
    alive: () => isAlive(leashed.server),
    ended: leashed.ended,
  };
}

function configuration({ program, folder, port, password, durable = true, lines: further = [], sentinel }: RedisOptions): string {
  const contained = program.kind === 'container';
  const place = [
    `bind ${contained ? '0.0.0.0' : '127.0.0.1'}`,
    `port ${contained ? 6379 : port}`,
    `requirepass ${password}`,
    `dir ${JSON.stringify(contained ? '/data' : folder)}`,
    'daemonize no',
  ];
  const data = [
    'save ""',
    `appendonly ${durable ? 'yes' : 'no'}`,
    'appendfsync everysec',
    // An event that was accepted is never evicted: a full Redis refuses, and publishers spool.
    'maxmemory-policy noeviction',
  ];
  return `${[...place, ...(sentinel === true ? [] : data), ...further].join('\n')}\n`;
}

async function containerCommand(
  program: Extract<RedisProgram, { kind: 'container' }>,
  folder: string,
  port: number,
): Promise<[string, string[]]> {
  const name = `ops-redis-${port}`;
  // A container outlives a client that was killed: one of that name is an orphan, the home is locked by us.
  await promisify(execFile)(program.docker, ['rm', '--force', name], { env: serverEnvironment() }).catch(() => undefined);
  const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
  const where = ['--publish', `127.0.0.1:${port}:6379`, '--volume', `${folder}:/data`];
  return [
    program.docker,
    ['run', '--rm', '--name', name, '--user', user, ...where, program.image, 'redis-server', '/data/redis.conf'],
  ];
}
