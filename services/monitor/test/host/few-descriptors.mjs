// Runs with few descriptors, beside more processes than these: who is in the table while the files of processes are kept. Prints JSON.
import { openSync } from 'node:fs';
import { KeptStats } from '../../dist/host/kept-stats.js';
import { readProcessTable } from '../../dist/host/process-table.js';

const wanted = process.argv.slice(2).map(Number);
const kept = new KeptStats({ most: 1_000 });
const missing = [];
for (let table = 0; table < 2; table += 1) {
  const found = new Set(readProcessTable({ kept }).processes.map(({ pid }) => pid));
  missing.push(wanted.filter((pid) => !found.has(pid)).length);
}
// Somebody else needs one now.
openSync('/dev/null', 'r');
process.stdout.write(JSON.stringify(missing));
