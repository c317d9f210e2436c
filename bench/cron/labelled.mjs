// The labelled histories of the tests, compiled for the benchmark: what is measured here is what is tested there.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const from = join(root, 'services/cron-supervisor');
const FILES = ['random', 'synthetic-histories', 'score'];

/** `random`, `labelled`, `unchanging`, `CLASSES`, `scores`, `total`, `precision`, `recall`. */
export async function labelledHistories() {
  const folder = mkdtempSync(join(tmpdir(), 'ops-bench-review-'));
  try {
    const files = FILES.map((name) => join(from, 'test/decide/review', `${name}.ts`));
    const options = ['--ignoreConfig', '--noCheck', '--module', 'nodenext', '--target', 'es2023'];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    execFileSync(process.execPath, [tsc, ...options, '--outDir', folder, '--rootDir', from, ...files], {
      cwd: from,
      stdio: 'inherit',
    });
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    const modules = FILES.map((name) => import(pathToFileURL(join(folder, 'test/decide/review', `${name}.js`)).href));
    return Object.assign({}, ...(await Promise.all(modules)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
