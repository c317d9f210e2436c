// Says on its output when available memory falls to a line: `node meminfo-watch.mjs <kB>`. See meminfo.mjs.
import { openSync, writeSync } from 'node:fs';
import { now } from './clock.mjs';
import { readMemory } from './meminfo.mjs';

const line = Number(process.argv[2]);
const descriptor = openSync('/proc/meminfo', 'r');
const never = new Int32Array(new SharedArrayBuffer(4));
const parent = process.ppid;
let under = false;
writeSync(1, 'ready\n');
// Nobody stops a loop that never waits but a signal: it ends with who started it.
while (process.ppid === parent) {
  const is = readMemory(descriptor).available <= line;
  if (is && !under) writeSync(1, `${now()}\n`);
  under = is;
  Atomics.wait(never, 0, 0, 1);
}
