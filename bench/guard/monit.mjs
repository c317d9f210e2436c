import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endOf } from './ending.mjs';

/** Monit as a process of its own, looking once a second. @param checks its checks, in its own language */
export function startMonit({ peers }, folder, checks) {
  const home = join(folder, 'monit');
  mkdirSync(home, { recursive: true });
  const file = join(home, 'monitrc');
  const places = ['log', 'pid', 'id', 'state'].map((name) => `set ${name}file ${join(home, name)}`);
  writeFileSync(file, `${['set daemon 1', ...places, ...checks].join('\n')}\n`, { mode: 0o600 });
  const child = spawn(peers.monit.path, ['-I', '-c', file], { env: peers.env, stdio: 'ignore' });
  return { pids: [child.pid], stop: () => endOf(child) };
}
