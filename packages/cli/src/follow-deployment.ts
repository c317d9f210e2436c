import { setTimeout as wait } from 'node:timers/promises';
import { Listr } from 'listr2';
import type { Connection } from './connection.js';
import type { DeploymentDetail } from './deployment-view.js';
import { CommandError, EXIT, type ExitCode } from './exit-codes.js';
import { say, span } from './output.js';

const LOOK_EVERY_MS = 300;
const STEPS = ['gate', 'plan', 'pre-flight', 'approval', 'backup', 'apply', 'verify', 'watch'] as const;

/** What the exit code of a deployment is: 0 only for one that has succeeded (or was only planned). */
export function exitCodeOf(verdict: string | null): ExitCode {
  if (verdict === 'succeeded' || verdict === 'planned') return EXIT.ok;
  return verdict === 'blocked' || verdict === 'rejected' || verdict === 'expired' ? EXIT.conflict : EXIT.failed;
}

/** Reads it again and again until it has ended. Throws with exit code 124 past the time-out; the deployment goes on then. */
export async function followDeployment(
  connection: Connection,
  id: string,
  {
    timeoutMs,
    quiet,
    onChange = () => undefined,
  }: { timeoutMs: number; quiet: boolean; onChange?: (now: DeploymentDetail) => void },
): Promise<DeploymentDetail> {
  const end = performance.now() + timeoutMs;
  let last: DeploymentDetail | undefined;
  const look = async (): Promise<DeploymentDetail> => {
    if (performance.now() > end)
      throw new CommandError(
        EXIT.timeout,
        `deployment ${id} has not ended in time: it goes on; \`ops deployments ${id}\` tells how`,
      );
    const found = await connection.call<DeploymentDetail>('GET', `/deployments/${id}`).catch((error: unknown) => {
      // The request lies on the bus: the deployer has not taken it yet.
      // Nor does a deployer that is restarted end it.
      const passes: readonly ExitCode[] = last === undefined ? [EXIT.notFound] : [EXIT.notFound, EXIT.unreachable];
      if (error instanceof CommandError && passes.includes(error.exitCode)) return undefined;
      throw error;
    });
    if (found !== undefined) {
      onChange(found);
      last = found;
      if (found.verdict !== null) return found;
    }
    await wait(LOOK_EVERY_MS);
    return look();
  };
  const ended = look();
  if (!quiet) await show(() => last, ended);
  return ended;
}

// One line a step; what a terminal shows moves, elsewhere each line is written once.
async function show(now: () => DeploymentDetail | undefined, ended: Promise<DeploymentDetail>): Promise<void> {
  let over = false;
  const finished = ended.then(
    () => undefined,
    () => undefined,
  );
  void finished.then(() => {
    over = true;
  });
  const tasks = [...STEPS, 'roll-back' as const].map((step) => ({
    title: step,
    enabled: () => true,
    task: async (_context: unknown, task: { title: string; output: string; skip: (why: string) => void }) => {
      for (;;) {
        const at = now();
        const journalled = at?.steps.filter((one) => one.step === step).at(-1);
        const next = at?.steps.at(-1)?.step;
        if (journalled?.outcome === 'done') {
          task.title = `${step}: ${journalled.detail ?? ''} (${took(journalled)})`;
          return;
        }
        if (journalled?.outcome === 'failed') throw new Error(`${step}: ${journalled.detail ?? ''} (${took(journalled)})`);
        if (over || (step !== 'roll-back' && next === 'roll-back')) return task.skip(`${step}: not reached`);
        const waits = at?.waits_for ?? null;
        task.output =
          waits === null
            ? step === 'watch' && at?.watch_until
              ? `until ${at.watch_until}`
              : step === at?.step
                ? (at.doing ?? '')
                : ''
            : `waits for ${waits}: ${at?.reason ?? ''}`;
        await wait(LOOK_EVERY_MS / 3);
      }
    },
  }));
  const list = new Listr(tasks, {
    exitOnError: false,
    renderer: process.stderr.isTTY ? 'default' : 'silent',
    rendererOptions: { collapseErrors: false, collapseSkips: false, showErrorMessage: true },
  });
  if (process.stderr.isTTY) await list.run();
  else await plain(now, finished);
}

async function plain(now: () => DeploymentDetail | undefined, finished: Promise<void>): Promise<void> {
  let said = 0;
  let waiting = '';
  const tell = () => {
    for (const one of (now()?.steps ?? []).filter(({ ended_at }) => ended_at !== null).slice(said)) {
      say(`${one.step.padEnd(11)} ${one.outcome ?? ''} ${took(one)} ${one.detail ?? ''}`);
      said += 1;
    }
    const { waits_for, reason, doing } = now() ?? {};
    const text = waits_for == null ? (doing ?? '') : `waits for ${waits_for}: ${reason ?? ''}`;
    if (text !== waiting && text !== '') say(text);
    waiting = text;
  };
  let over = false;
  void finished.then(() => {
    over = true;
  });
  while (!over) {
    tell();
    await wait(LOOK_EVERY_MS);
  }
  tell();
}

function took({ began_at, ended_at }: { readonly began_at: string; readonly ended_at: string | null }): string {
  const ms = (ended_at === null ? Date.now() : Date.parse(ended_at)) - Date.parse(began_at);
  return ms < 10_000 ? `${ms} ms` : span(ms / 1000);
}
