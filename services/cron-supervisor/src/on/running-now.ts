import type { CronSupervisor } from '../cron-supervisor.js';
import type { JobSource, RunningRun } from '../sources/source.js';

const ASK_MS = 5000;

/** What runs at a source now; undefined where it does not say in time: an old gateway, asked while a job runs, answers when it has ended. */
export async function runningNow(
  { clock }: Pick<CronSupervisor, 'clock'>,
  source: JobSource,
  patienceMs = ASK_MS,
): Promise<readonly RunningRun[] | undefined> {
  const patience = new AbortController();
  const running = await Promise.race([source.running(), clock.sleep(patienceMs, patience.signal)]);
  patience.abort();
  return running ?? undefined;
}

/** Takes in runs that began while nobody listened: their slots are served, and their limits count. */
export async function learnRunning(
  { intake }: Pick<CronSupervisor, 'intake'>,
  source: string,
  running: readonly RunningRun[],
): Promise<void> {
  await Promise.allSettled(
    running.map(({ job, started_at, ref = null }) => intake.take({ kind: 'began', job_id: `${source}/${job}`, started_at, ref })),
  );
}
