import { randomInt } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readInstance } from '@ops/shared/embedded';
import { execa } from 'execa';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MAIN = join(ROOT, 'packages', 'cli', 'dist', 'main.js');

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
  /** SIGTERM, and a new start on the same home. */
  restart(): Promise<RunningInstance>;
  /** Resolves when it has ended. */
  exitCode(): Promise<number | undefined>;
  /** SIGTERM to `npm start`; resolves with its exit code. Its home is deleted. */
  stop(): Promise<number | undefined>;
}

export interface InstanceOptions {
  /** Its ops.yaml; the shipped one where it is not given. */
  readonly yaml?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts an instance and waits until it says `ready`. */
export async function startInstance({ yaml, env: extra = {} }: InstanceOptions = {}): Promise<RunningInstance> {
  const folder = await mkdtemp(join(tmpdir(), 'ops-e2e-'));
  // Where PostgreSQL may not enter its data is elsewhere, and would outlive the test.
  const home = join(folder, 'home');
  await chmod(folder, 0o711);
  await mkdir(home, { mode: 0o711 });
  const config = join(folder, 'ops.yaml');
  if (yaml !== undefined) await writeFile(config, yaml);
  const env = {
    OPS_HOME: home,
    // Below the ports that the kernel gives out, so that nobody takes one of the three in between.
    OPS_PORT: String(randomInt(5000, 10_000) * 3),
    NO_COLOR: '1',
    ...(yaml === undefined ? {} : { OPS_CONFIG: config }),
    ...extra,
  };
  return run(folder, env);
}

async function run(folder: string, env: Readonly<Record<'OPS_HOME' | 'OPS_PORT', string>>): Promise<RunningInstance> {
  const child = execa('npm', ['start'], { cwd: ROOT, env, all: true, reject: false, buffer: false });
  let said = '';
  const ready = new Promise<void>((resolve, reject) => {
    child.all.on('data', (part: Buffer) => {
      said += part.toString();
      if (/^ready http/m.test(said)) resolve();
    });
    void child.then(() => reject(new Error(`npm start ended before it was ready:\n${said}`)));
  });
  const exitCode = async () => (await child).exitCode;
  const end = async () => {
    child.kill('SIGTERM');
    return exitCode();
  };
  const stop = async () => {
    const code = await end();
    await rm(folder, { recursive: true, force: true });
    return code;
  };
  const ops: RunningInstance['ops'] = async (...args) => {
    const { stdout, stderr, exitCode: code } = await execa(process.execPath, [MAIN, ...args], { cwd: ROOT, env, reject: false });
    return { stdout, stderr, exitCode: code };
  };
  try {
    await ready;
    const addresses = await readInstance(env.OPS_HOME);
    if (addresses?.redisUrl === undefined) throw new Error(`no addresses of the instance:\n${said}`);
    return {
      home: env.OPS_HOME,
      port: Number(env.OPS_PORT),
      redisUrl: addresses.redisUrl,
      said: () => said,
      ops,
      async json<T>(...args: string[]) {
        const { stdout, stderr, exitCode: code } = await ops(...args, '--json');
        if (code !== 0) throw new Error(`ops ${args.join(' ')} ended with ${code}: ${stderr}`);
        return JSON.parse(stdout) as T;
      },
      async restart() {
        await end();
        return run(folder, env);
      },
      exitCode,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
