import type { Issue } from '@ops/shared/events';
import type { RunReport } from '../../src/cron-types.js';
import type { RunningRun, SourceListener } from '../../src/sources/source.js';

/** A listener that keeps what it was told, in order. */
export class Told implements SourceListener {
  readonly begun: (RunningRun & { readonly ref: string | null })[] = [];
  readonly reports: RunReport[] = [];
  readonly issues: Issue[] = [];
  readonly losses: string[] = [];
  changes = 0;
  connections = 0;

  began(run: RunningRun, ref: string | null): void {
    this.begun.push({ ...run, ref });
  }

  ended(report: RunReport): void {
    this.reports.push(report);
  }

  jobsChanged(): void {
    this.changes += 1;
  }

  connected(): void {
    this.connections += 1;
  }

  lost(why: string): void {
    this.losses.push(why);
  }

  garbled(issue: Issue): void {
    this.issues.push(issue);
  }
}
