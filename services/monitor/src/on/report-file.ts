import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { guardReported, issueLine, issuesOf } from '@ops/shared/events';
import type { Logger } from '@ops/shared/runtime';
import type { z } from 'zod';

const POLL_MS = 5000;
// An event may have 256 KiB.
const LARGEST = 100_000;

export interface ReportFileOptions {
  /** guard_state.json of resource_guard.py. */
  readonly file: string;
  readonly log: Logger;
  readonly report: (data: z.infer<typeof guardReported>) => void;
}

/**
 * Watches the folder of guard_state.json (it is replaced by rename, so its inode does not last) and looks every few
 * seconds as well, for file systems that send no events. Each content is reported once; one that is not valid is said once.
 */
export function watchReportFile({ file, log, report }: ReportFileOptions): { close(): void } {
  let watcher: FSWatcher | undefined;
  let last = '';
  let complaint = '';
  let reading = Promise.resolve();

  const complain = (text: string) => {
    if (text !== complaint) log.warn({ file, text }, 'the guard state file is of no use');
    complaint = text;
  };
  const read = async () => {
    let text: string;
    try {
      text = await readFile(file, 'utf8');
    } catch (error) {
      return complain(`it cannot be read (${error instanceof Error && 'code' in error ? String(error.code) : 'error'})`);
    }
    if (text.length > LARGEST) return complain(`${text.length} characters: expected at most ${LARGEST}`);
    if (text === last) return;
    last = text;
    let input: unknown;
    try {
      input = JSON.parse(text);
    } catch {
      return complain('not JSON: expected the state of resource_guard.py');
    }
    const parsed = guardReported.safeParse(input);
    if (!parsed.success) return complain(issuesOf(parsed.error, input).map(issueLine).join('; '));
    complaint = '';
    report(parsed.data);
  };
  const look = () => {
    reading = reading.then(read);
  };
  const open = () => {
    try {
      watcher = watch(dirname(file), (_kind, name) => {
        if (name === null || name === basename(file)) look();
      });
      watcher.on('error', () => {
        watcher?.close();
        watcher = undefined;
      });
    } catch {
      // The folder is not there yet: the poll tries again.
      watcher = undefined;
    }
  };
  open();
  look();
  const timer = setInterval(() => {
    if (watcher === undefined) open();
    look();
  }, POLL_MS);
  return {
    close() {
      clearInterval(timer);
      watcher?.close();
    },
  };
}
