import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endOf } from './ending.mjs';

const PROGRAM = fileURLToPath(new URL('small-service.mjs', import.meta.url));

/** A real service as a process of its own, with its pid in a file. */
export async function startSmallService(folder, name, wanted = 0) {
  const child = spawn(process.execPath, [PROGRAM, name, String(wanted)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve, reject) => {
    child.stdout.once('data', (data) => resolve(Number(data)));
    child.once('exit', () => reject(new Error(`the service ${name} has ended`)));
  });
  const pidFile = join(folder, `${name}.pid`);
  writeFileSync(pidFile, `${child.pid}\n`);
  return { name, port, pid: child.pid, pidFile, kill: () => endOf(child, 'SIGKILL') };
}

/** How our monitor is told of it: as an operator would write it. */
export function inventoryOf({ name, port, container }) {
  const known = container === undefined ? { processes: { commands: [`small-service.mjs ${name}`] } } : { container };
  return { name, port, health: { http: `http://127.0.0.1:${port}/health` }, ...known };
}

/** How monit is told of it: by its port, and by its pid. */
export function monitChecksOf({ name, port, pidFile }, say) {
  return [
    `check host host-${name} with address 127.0.0.1`,
    `  if failed port ${port} protocol http request "/health" with timeout 1 seconds then exec "${say(`${name}/port`, 'bad')}" else if succeeded then exec "${say(`${name}/port`, 'good')}"`,
    `check process process-${name} with pidfile ${pidFile}`,
    `  if does not exist then exec "${say(`${name}/pid`, 'bad')}" else if succeeded then exec "${say(`${name}/pid`, 'good')}"`,
  ];
}
