import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readInstance } from '@ops/shared/embedded';
import { execa } from 'execa';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** An instance as an operator starts it: `npm start`, a home and a port of its own. */
export interface RunningInstance {
  readonly home: string;
  readonly port: number;
  readonly redisUrl: string;
  /** What it has said so far, stdout and stderr. */
  said(): string;
  /** Runs `ops ...` on it; never throws. */
  ops(...args: string[]): Promise<{ stdout: string; stderr: string; exitCode: number | undefined }>;
  /** Runs `ops ... --json` and gives its data. */
  json<T>(...args: string[]): Promise<T>;
  /** SIGTERM to `npm start`; resolves with its exit code. */
  stop(): Promise<number | undefined>;
}

/**
 * Starts an instance and waits until it says `ready`.
 * @param yaml its ops.yaml; the shipped one where it is not given
 */
export async function startInstance(yaml?: string): Promise<RunningInstance> {
  const folder = await mkdtemp(join(tmpdir(), 'ops-e2e-'));
  const home = join(folder, 'home');
  // Below the ports that the kernel gives out, so that nobody takes one of the three in between.
  const port = randomInt(5000, 10_000) * 3;
  const config = join(folder, 'ops.yaml');
  if (yaml !== undefined) await writeFile(config, yaml);
  const env = { OPS_HOME: home, OPS_PORT: String(port), NO_COLOR: '1', ...(yaml === undefined ? {} : { OPS_CONFIG: config }) };
  const child = execa('npm', ['start'], { cwd: ROOT, env, all: true, reject: false, buffer: false });
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.all.on('data', (part: Buffer) => {
      said += part.toString();
      if (/^ready http/m.test(said)) resolve();
    });
    void child.then(() => reject(new Error(`npm start ended before it was ready:\n${said}`)));
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const { exitCode } = await child;
    await rm(folder, { recursive: true, force: true });
    return exitCode;
  };
  try {
    await ready;
    const addresses = await readInstance(home);
    if (addresses?.redisUrl === undefined) throw new Error(`no addresses of the instance:\n${said}`);
    const ops: RunningInstance['ops'] = async (...args) => {
      const main = join(ROOT, 'packages', 'cli', 'dist', 'main.js');
      const { stdout, stderr, exitCode } = await execa(process.execPath, [main, ...args], { cwd: ROOT, env, reject: false });
      return { stdout, stderr, exitCode };
    };
    return {
      home,
      port,
      redisUrl: addresses.redisUrl,
      said: () => said,
      ops,
      async json<T>(...args: string[]) {
        const { stdout, stderr, exitCode } = await ops(...args, '--json');
        if (exitCode !== 0) throw new Error(`ops ${args.join(' ')} ended with ${exitCode}: ${stderr}`);
        return JSON.parse(stdout) as T;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
