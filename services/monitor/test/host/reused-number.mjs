// Runs as process 1 of a pid namespace of its own: what is kept of a process when its number passes to another. Prints JSON.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { KeptStats } from '../../dist/host/kept-stats.js';
import { readProcessTable } from '../../dist/host/process-table.js';

const kept = new KeptStats();
const nameOf = (pid) => readProcessTable({ kept }).processes.find((each) => each.pid === pid)?.name ?? null;

async function start(program, ...args) {
  const child = spawn(program, args, { stdio: 'ignore' });
  await once(child, 'spawn');
  return child;
}

/** A process of this very number: a thread of ours may be faster. */
async function startAs(pid, ...command) {
  for (let tries = 0; ; tries += 1) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const child = await start(...command);
    if (child.pid === pid || tries === 20) return child;
    await end(child);
  }
}

async function end(child) {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const first = await start('sleep', '60');
const names = [nameOf(first.pid)];
await end(first);
// With a table in between and without one.
for (const looks of [true, false]) {
  if (looks) names.push(nameOf(first.pid));
  const next = await startAs(first.pid, ...(looks ? ['tail', '-f', '/dev/null'] : ['sleep', '60']));
  names.push(next.pid === first.pid ? nameOf(next.pid) : `number ${next.pid}`);
  await end(next);
}
process.stdout.write(JSON.stringify(names));
