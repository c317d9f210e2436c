import { type Issue, shown } from '@ops/shared/events';
import type { RunReport } from '../../../cron-types.js';
import { readRun } from './read-run.js';

/**
 * The finished runs of a run log (JSONL). A last line that is cut off is left out in silence: it is being written. Any other that
 * cannot be read is an issue.
 *
 * @param path of the file, for issues
 */
export function readRunLog(
  text: string,
  job: string,
  path: string,
): { readonly runs: readonly RunReport[]; readonly issues: readonly Issue[] } {
  const lines = text.split('\n');
  const issues: Issue[] = [];
  const runs: RunReport[] = [];
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '') continue;
    const entry = parse(line);
    const where = `${path}: line ${index + 1}`;
    if (entry === undefined) {
      if (index < lines.length - 1) issues.push({ path: where, value: shown(line), expected: 'a run, as JSON' });
      continue;
    }
    if (typeof entry === 'object' && entry !== null && 'action' in entry && entry.action !== 'finished') continue;
    const read = readRun(entry, null, where);
    if ('issues' in read) issues.push(...read.issues);
    else if (read.job === job) runs.push(read);
  }
  return { runs, issues };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
