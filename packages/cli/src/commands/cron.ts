import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { type JobDetail, type JobView, jobsText, jobText, type MissedView, type RunView, runsText } from '../cron-view.js';
import { count } from '../options.js';
import { printData, say } from '../output.js';
import { execCommand } from './cron-exec.js';
import { reviewCommands } from './cron-review.js';

interface SourceView {
  readonly name: string;
  readonly kind: 'starting' | 'connected' | 'down';
  readonly why?: string;
}

/** `ops cron …`: what is scheduled, what ran, and whatever a person may want to do about it. */
export function cronCommands(program: Command): void {
  const cron = program.command('cron').description('scheduled jobs: what they are, what they did, and what to do about them');

  cron
    .command('list', { isDefault: true })
    .argument('[job]', 'one job with its last runs: its id, or its name')
    .description('every scheduled job, worst first; or one')
    .action(async (id: string | undefined, _options: object, command: Command) => {
      const { connection, format } = contextOf(command);
      if (id !== undefined) {
        const job = await connection.call<JobDetail>('GET', `/cron/jobs/${encodeURIComponent(id)}`);
        return printData(format, job, () => jobText(job));
      }
      const { jobs, sources } = await connection.call<{ jobs: JobView[]; sources: SourceView[] }>('GET', '/cron/jobs');
      for (const { name, kind, why } of sources)
        if (kind === 'down') say(`source ${name} is down: ${why ?? 'no reason is known'}`);
      printData(format, jobs, () =>
        jobs.length === 0 ? 'no scheduled jobs: cron.sources and cron.jobs in ops.yaml name them' : jobsText(jobs),
      );
    });

  cron
    .command('runs')
    .argument('[job]', 'only of this job')
    .description('runs and missed slots, newest first')
    .option('-n, --limit <count>', 'at most so many of each', count, 30)
    .action(async (id: string | undefined, options: { limit: number }, command: Command) => {
      const { connection, format } = contextOf(command);
      const of = id === undefined ? '' : `&job=${encodeURIComponent(id)}`;
      const found = await connection.call<{ runs: RunView[]; missed: MissedView[] }>(
        'GET',
        `/cron/runs?limit=${options.limit}${of}`,
      );
      printData(format, found, () => runsText(found.runs, found.missed));
    });

  cron
    .command('add')
    .argument('<id>', 'lower-case letters, digits, . _ and -')
    .description('supervise a job that tells of its runs: POST /ping/<id>, or `ops cron exec <id> -- command`')
    .option('-s, --schedule <schedule>', 'a cron expression, or "every 10m"; none: whenever somebody starts it')
    .option('-z, --time-zone <zone>', 'of the schedule', 'UTC')
    .option('-p, --purpose <text>', 'what it is for', '')
    .option('--expected <duration>', 'how long a run takes')
    .option('--grace <duration>', 'how late a run may begin')
    .action(async (id: string, options: Record<string, string>, command: Command) => {
      const { connection, format } = contextOf(command);
      const { schedule, timeZone, purpose, expected, grace } = options;
      const job = { id, schedule, time_zone: timeZone, purpose, expected, grace };
      const added = await connection.call<{ job_id: string; ping: string }>('POST', '/cron/jobs', job);
      printData(format, added, () => `${added.job_id} is supervised: POST ${added.ping}, or ops cron exec ${id} -- command`);
    });

  cron
    .command('remove')
    .argument('<job>', 'a job that was added by a command')
    .description('supervise it no longer; its history stays')
    .action(async (id: string, _options: object, command: Command) => {
      const { connection, format } = contextOf(command);
      const gone = await connection.call<{ job_id: string }>('DELETE', `/cron/jobs/${encodeURIComponent(id)}`);
      printData(format, gone, () => `${gone.job_id} is not supervised any more`);
    });

  cron
    .command('run')
    .argument('<job>', 'its id, or its name')
    .description('start a run now')
    .option('--force', 'also while the guard is at emergency')
    .action(async (id: string, options: { force?: true }, command: Command) => {
      const { connection, format } = contextOf(command);
      const body = { force: options.force === true };
      const started = await connection.call<{ job_id: string; started: boolean }>(
        'POST',
        `/cron/jobs/${encodeURIComponent(id)}/run`,
        body,
      );
      const how = started.started ? 'was started' : 'is started as soon as its gateway takes it: another job runs there';
      printData(format, started, () => `${started.job_id} ${how}; ops cron runs ${started.job_id}`);
    });

  cron
    .command('kill')
    .argument('<job>', 'its id, or its name')
    .description('end the run that is under way: gently, then hard')
    .action(async (id: string, _options: object, command: Command) => {
      const { connection, format } = contextOf(command);
      const asked = await connection.call<{ job_id: string; run_id: string }>(
        'POST',
        `/cron/jobs/${encodeURIComponent(id)}/kill`,
        {},
      );
      printData(format, asked, () => `the end of run ${asked.run_id} of ${asked.job_id} is asked for`);
    });

  reviewCommands(cron);
  execCommand(cron);
}
