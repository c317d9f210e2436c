import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findOnPath, serverEnvironment } from './env.js';
import { EmbeddedError } from './errors.js';

const run = promisify(execFile);

/** How Redis is run here: a program on the PATH, or a container. */
export type RedisProgram =
  | { kind: 'binary'; path: string; version: string }
  | { kind: 'container'; docker: string; image: string };

/**
 * Finds a Redis: a program on the PATH, else a Docker engine that answers.
 * Throws REDIS_MISSING with the one command that helps.
 */
export async function findRedis(image = 'redis:7'): Promise<RedisProgram> {
  const path = findOnPath('redis-server', 'valkey-server');
  if (path !== undefined) {
    const { stdout } = await run(path, ['--version']);
    return { kind: 'binary', path, version: /v=([\d.]+)/.exec(stdout)?.[1] ?? '' };
  }
  const docker = findOnPath('docker');
  if (docker !== undefined && (await answers(docker))) return { kind: 'container', docker, image };
  const command = process.platform === 'darwin' ? 'brew install redis' : 'apt-get install -y redis-server';
  throw new EmbeddedError(
    'REDIS_MISSING',
    `no redis-server or valkey-server on the PATH and no Docker engine answers: run \`${command}\`, or set REDIS_URL`,
    {
      command,
    },
  );
}

async function answers(docker: string): Promise<boolean> {
  return run(docker, ['version', '--format', '{{.Server.Version}}'], { timeout: 5_000, env: serverEnvironment() }).then(
    () => true,
    () => false,
  );
}
