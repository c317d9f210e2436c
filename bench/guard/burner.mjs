// Uses one core from the moment that it is told to until it is ended, at most for so many ms: `node burner.mjs <ms>`. It says when it begins.
import { writeSync } from 'node:fs';
import { now } from './clock.mjs';

process.stdin.once('data', () => {
  const end = now() + Number(process.argv[2]);
  writeSync(1, `${now()}\n`);
  while (now() < end) for (let turn = 0; turn < 1e5; turn += 1);
  process.exit();
});
process.stdin.once('end', () => process.exit());
