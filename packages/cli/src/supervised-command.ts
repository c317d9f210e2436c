import { setTimeout as sleep } from 'node:timers/promises';
import { ChildCommand } from './child-command.js';
import { type Connection, Refusal } from './connection.js';
import { CommandError, EXIT } from './exit-codes.js';
import { say } from './output.js';
import { outliveReaders } from './own-streams.js';

// Its end must be told, also while the supervisor is restarted; a job must not hang for it for ever.
const TELL_FOR_MS = 60_000;
const UNKNOWN_FOR_MS = 10_000;
const FIRST_PAUSE_MS = 250;
const ASK_AGAIN_MS = 2000;

export interface SupervisedCommand {
  readonly job: string;
  readonly words: readonly string[];
  /** The name of this run. */
  readonly ref: string;
}

/**
 * Runs a command in a process group of its own, and tells the supervisor of its start and its end. What it writes goes where it would
 * have gone; its end is kept for the supervisor. Whatever becomes of the supervisor, the command runs. Resolves with its exit code, as a
 * shell would give it (128 and the signal's number where it was ended by one).
 */
export async function superviseCommand(connection: Connection, { job, words, ref }: SupervisedCommand): Promise<number> {
  const path = pathOf(job);
  const done = new AbortController();
  const started = performance.now();
  // The command does not wait for the supervisor. Where its start could not be told until it ended, its end tells it.
  const began = told(connection, `${path}/start?run=${ref}`, '', done.signal).catch((error: unknown) => whyNot(job, error));
  outliveReaders();
  const child = new ChildCommand(words);
  const passed = (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).map((name) => [name, () => child.signal(name)] as const);
  for (const [name, pass] of passed) process.on(name, pass);
  void began.then((run) => {
    if (run !== undefined) void orders(connection, job, run, done.signal, child);
  });
  const code = await child.ended;
  if (child.failure !== undefined) say(`ops: ${words[0]}: ${child.failure.message}`);
  done.abort();
  for (const [name, pass] of passed) process.off(name, pass);
  await began;
  const took = Math.round(performance.now() - started);
  const end = `${path}/${code}?run=${ref}&took=${took}`;
  await told(connection, end, child.output).catch((error: unknown) => whyNot(job, error));
  return code;
}

function whyNot(job: string, error: unknown): undefined {
  say(`ops: the supervisor does not know of this run of ${job}: ${error instanceof Error ? error.message : String(error)}`);
}

// Tells it, again and again for a while where nobody answers; rejects where the supervisor says no. Gives the id of the run.
// However late: with how long ago it was.
async function told(connection: Connection, path: string, output: string, enough?: AbortSignal): Promise<string | undefined> {
  const happened = performance.now();
  const until = happened + TELL_FOR_MS;
  let unknownUntil: number | undefined;
  let body = output;
  for (let pause = FIRST_PAUSE_MS; enough?.aborted !== true; pause = Math.min(pause * 2, 5000)) {
    try {
      const ago = Math.round(performance.now() - happened);
      const answer = await connection.call<{ run_id: string | null }>('POST', `${path}&ago=${ago}`, body);
      return answer.run_id ?? undefined;
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      if (error instanceof Refusal && error.status === 413 && body !== '') {
        say('ops: the supervisor does not take so much output, and is told of the end without it');
        body = '';
        continue;
      }
      // A supervisor that has just been started may not know its jobs yet.
      if (error.exitCode === EXIT.notFound) unknownUntil ??= performance.now() + UNKNOWN_FOR_MS;
      else if (error.exitCode !== EXIT.unreachable && error.exitCode !== EXIT.failed) throw error;
      const left = (error.exitCode === EXIT.notFound ? (unknownUntil ?? 0) : until) - performance.now();
      if (left <= 0) throw error;
      await wait(Math.min(pause, left), enough);
    }
  }
  return undefined;
}

// Waits for the order to end it, as long as it runs.
async function orders(connection: Connection, job: string, run: string, done: AbortSignal, child: ChildCommand): Promise<void> {
  // What has been done is not asked for again: the supervisor answers at once while its order stands.
  let had = 'none';
  while (!done.aborted) {
    try {
      const patience = AbortSignal.any([done, AbortSignal.timeout(40_000)]);
      const { order } = await connection.call<{ order: { way: 'gentle' | 'hard' } | null }>(
        'GET',
        `${pathOf(job)}/orders?run_id=${run}&had=${had}`,
        undefined,
        patience,
      );
      if (order === null || done.aborted) continue;
      had = order.way;
      say(`ops: ended by the supervisor: \`ops cron list ${job}\` says why`);
      child.signal(order.way === 'gentle' ? 'SIGTERM' : 'SIGKILL');
    } catch {
      if (!done.aborted) await wait(ASK_AGAIN_MS);
    }
  }
}

function wait(ms: number, enough?: AbortSignal): Promise<void> {
  return sleep(ms, undefined, enough === undefined ? {} : { signal: enough }).catch(() => undefined);
}

function pathOf(job: string): string {
  return `/ping/${encodeURIComponent(job)}`;
}
