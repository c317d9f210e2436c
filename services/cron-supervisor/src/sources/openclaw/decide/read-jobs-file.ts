import { type Issue, issuesOf, shown } from '@ops/shared/events';
import { z } from 'zod';
import type { Listing } from '../../source.js';
import { readJobs } from './read-jobs.js';

const file = z.object({ version: z.literal(1), jobs: z.array(z.unknown()) });

/**
 * The jobs of a jobs.json (version 1, OpenClaw before 2026.6), or the issue for which the whole file cannot be used.
 *
 * @param text undefined for a file that is not there
 * @param path of the file, for issues
 */
export function readJobsFile(text: string | undefined, timeZone: string, path: string): Listing | { readonly issue: Issue } {
  if (text === undefined) return { issue: { path, value: 'missing', expected: 'a file that can be read' } };
  const content = parse(text);
  if (content === undefined) {
    const value = `${text.length} characters, the last of them ${shown(text.slice(-20))}`;
    return { issue: { path, value, expected: 'whole JSON: it may be cut off' } };
  }
  const { data, error } = file.safeParse(content.value);
  if (error !== undefined) {
    const [first] = issuesOf(error, content.value);
    return { issue: { path: `${path}: ${first?.path}`, value: first?.value ?? '', expected: first?.expected ?? '' } };
  }
  // What lies on disk may be older than what the gateway has: nothing is missing for not standing there.
  const { jobs, issues } = readJobs(data.jobs, 'legacy', timeZone, `${path}: jobs`);
  return { jobs: jobs.map(({ job }) => job), issues, unread: 'unknown', from: 'files' };
}

function parse(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}
