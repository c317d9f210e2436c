import { execFile } from 'node:child_process';
import { accessSync, constants, statfsSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { loadConfig } from '@ops/shared/config';
import { readInstance } from '@ops/shared/embedded';
import type { Environment } from '@ops/shared/runtime';
import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { columns, printData, tinted } from '../output.js';
import { examineRedis } from './examine-redis.js';
import { type Finding, finding } from './finding.js';

const run = promisify(execFile);
const LEAST_FREE_BYTES = 1e9;

/** `ops doctor`: what this machine lacks, and how to mend it. Exit code 1 where something is missing that `ops up` needs. */
export function doctorCommand(program: Command): void {
  program
    .command('doctor')
    .description('what is missing on this machine, and how to mend it')
    .action(async (_options: unknown, command: Command) => {
      const { connection, format } = contextOf(command);
      const findings = await examine(connection.environment);
      printData(format, findings, () =>
        columns(
          ['WHAT', 'STATE', 'FOUND', 'TO MEND IT'],
          findings.map(({ what, state, found, mend }) => [what, tinted(state), found, state === 'ok' ? '' : mend]),
        ),
      );
      if (findings.some(({ state }) => state === 'missing')) process.exitCode = EXIT.failed;
    });
}

async function examine(environment: Environment): Promise<Finding[]> {
  const running = await readInstance(environment.home);
  return [
    node(),
    config(environment),
    await redis(environment, running?.redisUrl),
    running === undefined
      ? await port(environment)
      : finding('instance', 'ok', `runs as pid ${running.pid} on port ${running.port}`, ''),
    home(environment),
    pressure(),
    await docker(environment),
    await compose(),
  ];
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return finding('node', fits ? 'ok' : 'missing', process.versions.node, 'install Node 20.19 or newer');
}

function config({ configFile }: Environment): Finding {
  try {
    const { inventory } = loadConfig(configFile);
    return finding('configuration', 'ok', `${configFile}: ${inventory.services.length} services`, '');
  } catch (error) {
    return finding(
      'configuration',
      'missing',
      error instanceof Error ? error.message : String(error),
      `correct ${configFile}, or set OPS_CONFIG`,
    );
  }
}

async function redis(environment: Environment, running: string | undefined): Promise<Finding> {
  const url = environment.redisUrl?.reveal() ?? running;
  if (url !== undefined) return examineRedis(url, environment.configFile);
  const program = onPath('redis-server') ?? onPath('valkey-server');
  const mend = process.platform === 'darwin' ? 'brew install redis' : 'sudo apt-get install -y redis-server, or set REDIS_URL';
  return finding(
    'redis',
    program === undefined ? 'missing' : 'ok',
    program ?? 'no redis-server or valkey-server on the PATH',
    mend,
  );
}

async function port({ port: wanted }: Environment): Promise<Finding> {
  const free = await new Promise<boolean>((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(wanted, '127.0.0.1', () => server.close(() => resolve(true)));
  });
  return finding('port', free ? 'ok' : 'missing', `${wanted} is ${free ? 'free' : 'taken'}`, 'set OPS_PORT to a free port');
}

function home({ home: folder }: Environment): Finding {
  for (let at = folder; ; at = dirname(at)) {
    try {
      accessSync(at, constants.W_OK);
      const { bavail, bsize } = statfsSync(at);
      const free = bavail * bsize;
      return finding(
        'home',
        free < LEAST_FREE_BYTES ? 'warning' : 'ok',
        `${folder}: ${(free / 1e9).toFixed(1)} GB free`,
        'make room, or set OPS_HOME to another disk',
      );
    } catch (error) {
      const gone = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!gone || dirname(at) === at)
        return finding('home', 'missing', `${folder} cannot be written`, 'set OPS_HOME to a folder that you may write');
    }
  }
}

function pressure(): Finding {
  try {
    accessSync('/proc/pressure/cpu', constants.R_OK);
    return finding('pressure (PSI)', 'ok', '/proc/pressure', '');
  } catch {
    return finding(
      'pressure (PSI)',
      'warning',
      'not offered by this kernel',
      'without it no process is ended for CPU; on Linux boot with psi=1',
    );
  }
}

async function docker({ dockerHost }: Environment): Promise<Finding> {
  try {
    const { stdout } = await run('docker', ['version', '--format', '{{.Server.Version}}'], { timeout: 5000 });
    return finding('docker', 'ok', `engine ${stdout.trim()}`, '');
  } catch {
    return finding(
      'docker',
      'warning',
      `no engine at ${dockerHost ?? 'the default socket'}`,
      'start Docker, or set DOCKER_HOST; without it containers are not watched',
    );
  }
}

async function compose(): Promise<Finding> {
  try {
    const { stdout } = await run('docker', ['compose', 'version', '--short'], { timeout: 5000 });
    return finding('docker compose', 'ok', stdout.trim(), '');
  } catch {
    return finding(
      'docker compose',
      'warning',
      'not there',
      'install the Compose v2 plugin; it is needed to run the services as containers',
    );
  }
}

function onPath(program: string): string | undefined {
  // biome-ignore lint/style/noProcessEnv: the PATH is what is examined here.
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return folders
    .map((folder) => join(folder, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
