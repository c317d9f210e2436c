// `pnpm bench <name>`: builds, then runs bench/<name>.mjs with the options that follow.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const [name, ...options] = process.argv.slice(2);
const here = fileURLToPath(new URL('.', import.meta.url));
if (name === undefined || !existsSync(`${here}${name}.mjs`)) {
  const names = readdirSync(here).filter((file) => file.endsWith('.mjs') && file !== 'run.mjs');
  console.error(`expected a benchmark: ${names.map((file) => file.slice(0, -4)).join(', ')}`);
  process.exit(2);
}
const run = (program, args) => spawnSync(program, args, { stdio: 'inherit', cwd: `${here}..` }).status ?? 1;
const built = run(process.execPath, ['node_modules/typescript/bin/tsc', '-b']);
process.exit(built === 0 ? run(process.execPath, [`${here}${name}.mjs`, ...options]) : built);
