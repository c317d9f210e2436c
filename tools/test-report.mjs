import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { root } from './run.mjs';

/**
 * Counts what the JSON report of vitest says.
 * @param {string} file
 * @param {Record<string, string>} reasons what a condition of `skipIf` means: text in the condition → reason
 */
export function readReport(file, reasons) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const skips = new Map();
  const broken = [];
  if (!existsSync(file)) return { ...totals, broken: ['vitest wrote no report'], skips: [] };
  for (const suite of JSON.parse(readFileSync(file, 'utf8')).testResults) {
    const path = relative(root, suite.name);
    // A file that cannot even be loaded has no tests in the report.
    if (suite.status === 'failed' && !suite.assertionResults.some(({ status }) => status === 'failed'))
      broken.push(`${path} could not be run`);
    for (const test of suite.assertionResults) count(test, path, suite.name);
  }
  return { ...totals, broken, skips: [...skips.values()] };

  function count(test, path, file) {
    if (test.status === 'passed' || test.status === 'failed') {
      totals[test.status] += 1;
      return;
    }
    totals.skipped += 1;
    const group = [path, ...test.ancestorTitles.slice(0, 1)].join(' > ');
    const known = skips.get(group) ?? { group, count: 0, reason: reasonOf(file, test, reasons) };
    skips.set(group, { ...known, count: known.count + 1 });
  }
}

// The report has no reasons: they stand in the test file, as the condition of the group or of the test.
function reasonOf(file, { status, title, ancestorTitles }, reasons) {
  if (status === 'todo') return 'not written yet';
  const source = readFileSync(file, 'utf8');
  for (const name of [title, ...ancestorTitles.toReversed()]) {
    const at = ["'", '"', '`'].map((quote) => source.indexOf(`${quote}${name}${quote}`)).find((index) => index !== -1);
    if (at === undefined) continue;
    const condition = /\.(?:skipIf|runIf)\(([^\n]*)\)\(\s*$/.exec(source.slice(0, at))?.[1];
    if (condition === undefined) continue;
    const spelled = spellOut(condition, source);
    return Object.entries(reasons).find(([text]) => spelled.includes(text))?.[1] ?? condition;
  }
  return 'skipped in the test file';
}

// A condition is often a constant of the file: what the constant is says more than its name.
function spellOut(condition, source) {
  const name = /^!?(\w+)$/.exec(condition)?.[1];
  const definition = name === undefined ? undefined : new RegExp(`const ${name} = ([^;]*);`).exec(source)?.[1];
  return definition === undefined ? condition : `${condition} ${definition}`;
}
