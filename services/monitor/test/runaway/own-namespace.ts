import { execFileSync } from 'node:child_process';

/** Arguments of `unshare`: a command as process 1 of a pid namespace of its own. */
export const inNamespace = (...command: string[]) => ['--pid', '--fork', '--kill-child', '--mount-proc', ...command];

/** Whether this machine lets us have a pid namespace and say which number comes next in it. */
export function mayChooseNumbers(): boolean {
  try {
    execFileSync('unshare', inNamespace('sh', '-c', 'echo 100 > /proc/sys/kernel/ns_last_pid'), { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
