import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether this machine lets a test mount a file system. */
export const mayMount = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/dev/fuse');

/**
 * A real file system whose server never answers, in a mount namespace of its own so that nobody else meets it. It is
 * reached through /proc/<pid>/root, and gone when the process that holds its connection ends: with `cleanUps`, or after a minute.
 */
export async function hungMount(cleanUps: (() => Promise<unknown>)[]): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'ops-hung-'));
  const mount = `mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung ${directory}`;
  const script = `exec 3<>/dev/fuse; ${mount} && echo ready && exec sleep 60`;
  const holder: ChildProcess = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUps.push(async () => {
    const ended = once(holder, 'exit');
    if (holder.exitCode === null) {
      holder.kill('SIGKILL');
      await ended;
    }
    rmdirSync(directory);
  });
  if (holder.stdout) await once(holder.stdout, 'data');
  return `/proc/${holder.pid}/root${directory}`;
}
