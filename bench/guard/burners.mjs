import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { pause } from '../service-process.mjs';
import { endOf } from './ending.mjs';

const BURNER = fileURLToPath(new URL('burner.mjs', import.meta.url));

/** Processes that burn a core each once they are told to, at their usual niceness. */
export async function startBurners(count, ms) {
  const children = Array.from({ length: count }, () =>
    spawn(process.execPath, [BURNER, String(ms)], { stdio: ['pipe', 'pipe', 'inherit'] }),
  );
  // Started and waiting: what a start costs is not what is measured.
  await pause(500);
  return {
    /** @returns when the last of them began */
    async begin() {
      const began = children.map((child) => new Promise((resolve) => child.stdout.once('data', (at) => resolve(Number(at)))));
      for (const child of children) child.stdin.write('go\n');
      return Math.max(...(await Promise.all(began)));
    },
    stop: () => Promise.all(children.map((child) => endOf(child, 'SIGKILL'))),
  };
}
