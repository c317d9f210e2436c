// The checks that a machine makes before any test: format and lint, types of the tests, purity, sleeps, file sizes, unused code.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastLines, root, run } from './run.mjs';

const LONGEST_FILE = 300;
const bin = (...path) => join(root, 'node_modules', ...path);

const problems = [];
const { output: listed } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard']);
const files = listed.split('\0').filter(Boolean);
const sources = files.filter((file) => /\.(ts|tsx|mjs)$/.test(file));

/** Says a problem for each line of these files that the rule refuses. */
function refuse(name, which, pattern, why) {
  for (const file of sources.filter((one) => which.test(one))) {
    for (const [index, line] of textOf(file).split('\n').entries()) {
      if (pattern.test(line)) problems.push(`${file}:${index + 1}: ${name}: ${why}`);
    }
  }
}

function textOf(file) {
  try {
    return readFileSync(join(root, file), 'utf8');
  } catch {
    // Deleted, and not committed yet.
    return '';
  }
}

refuse('clock', /\/decide\/.*\.ts$/, /\bDate\.now\(|new Date\(\)|performance\./, 'decide/ takes `now`');
refuse('random', /\/decide\/.*\.ts$/, /Math\.random|randomUUID/, 'decide/ is the same for the same facts');
refuse('sleep', /(^|\/)test\/.*\.ts$|^e2e\/.*\.ts$/, /timers\/promises|await (sleep|delay)\(/, 'tests wait on conditions');
refuse('environment', /^(packages|services)\/[^/]+\/src\//, /process\.env(?!.*NodeJS)/, 'the environment is read in env.ts');
refuse('deep import', /\.ts$/, /from '@ops\/[a-z-]+\/(dist|src)\//, 'packages are entered by their doors');
for (const file of sources) {
  const lines = textOf(file).split('\n').length;
  if (lines > LONGEST_FILE) problems.push(`${file}: ${lines} lines: over ${LONGEST_FILE}, split it`);
}
// A sleep that is the work of the thing under test says so on its line.
const allowed = (problem) => /env\.ts|testing\/|commands\/doctor\.ts/.test(problem);

const checks = [
  ['biome', bin('@biomejs', 'biome', 'bin', 'biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('typescript', 'bin', 'tsc'), ['-p', 'tsconfig.tests.json']],
  ['unused', bin('knip', 'bin', 'knip.js'), ['--no-progress']],
];
const results = await Promise.all(
  checks.map(async ([name, program, args]) => [name, await run(process.execPath, [program, ...args])]),
);
for (const [name, { ok, output }] of results) if (!ok) problems.push(`${name}:\n${lastLines(output, 60)}`);

const found = problems.filter((problem) => !allowed(problem));
for (const problem of found) console.log(problem);
console.log(`${'checks'.padEnd(14)} ${found.length === 0 ? `${files.length} files in order` : `${found.length} problems`}`);
if (found.length > 0) process.exitCode = 1;
