import { setTimeout as wait } from 'node:timers/promises';
import { LEVELS, type Level, type Readings, type Response } from '@ops/shared/events';
import { type Command, Option } from 'commander';
import pc from 'picocolors';
import { type CliContext, contextOf } from '../context.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { duration } from '../options.js';
import { ago, printable, printData, tinted } from '../output.js';

interface GuardAnswer {
  readonly host: string;
  readonly level: Level;
  readonly since: string;
  readonly reason: string;
  readonly readings: Readings;
  readonly response: Response;
  readonly runaway: string;
  readonly thresholds: Readonly<Record<'cpu' | 'ram' | 'disk', Readonly<Record<string, number>>>>;
}

interface LevelDecision {
  readonly kind?: 'level';
  readonly at: number;
  readonly from: Level;
  readonly to: Level;
  readonly reason: string;
  readonly rule: { readonly name: string };
  readonly replay: { readonly same: boolean; readonly level: Level; readonly reason: string };
}

interface RunawayDecision {
  readonly kind: 'runaway';
  readonly at: number;
  readonly plan: { readonly mode: string; readonly reason: string; readonly evidence: { readonly spared: readonly Spared[] } };
  readonly replay: { readonly same: boolean; readonly reason: string };
}

interface Spared {
  readonly pid: number;
  readonly name: string;
  readonly why: string;
}

/** `ops guard`: the level, what it rests on, and what it asks of everybody. `ops guard decisions`: how it came to be. */
export function guardCommand(program: Command): void {
  const guard = program
    .command('guard')
    .description('the guard level of the host, what it rests on, and what it asks of everybody')
    .addOption(new Option('--wait <level>', 'wait until the host is at this level').choices([...LEVELS]))
    .option('--timeout <duration>', 'how long to wait; exit code 124 past it', duration, 60_000)
    .action(async (options: { wait?: Level; timeout: number }, command: Command) => {
      const context = contextOf(command);
      const answer = options.wait === undefined ? await ask(context) : await until(context, options.wait, options.timeout);
      printData(context.format, answer, () => table(answer));
    });
  guard
    .command('decisions')
    .description(
      'the last changes of the level and choices of a runaway: which rule, which numbers, and whether they come out the same when made again',
    )
    .option('--last <count>', 'how many, at most 200', '20')
    .action(async ({ last }: { last: string }, command: Command) => {
      const context = contextOf(command);
      const decisions = await context.connection.call<(LevelDecision | RunawayDecision)[]>(
        'GET',
        `/guard/decisions?last=${encodeURIComponent(last)}`,
      );
      printData(context.format, decisions, () => decisions.map(lineOf).join('\n') || 'nothing has been decided yet');
    });
}

function lineOf(decision: LevelDecision | RunawayDecision): string {
  return decision.kind === 'runaway' ? runawayLine(decision) : levelLine(decision);
}

function runawayLine({ at, plan, replay }: RunawayDecision): string {
  const again = replay.same ? pc.dim('again the same') : pc.red(`made again: ${printable(replay.reason)}`);
  const spared = plan.evidence.spared.map(({ name, pid, why }) => `${name} (${pid}) ${why}`);
  const larger = spared.length === 0 ? '' : `  ${pc.dim(`larger and spared: ${printable(spared.join(', '))}`)}`;
  return `${new Date(at).toISOString()}  runaway ${plan.mode}  ${printable(plan.reason)}${larger}  ${again}`;
}

function levelLine({ at, from, to, reason, rule, replay }: LevelDecision): string {
  const again = replay.same ? pc.dim('again the same') : pc.red(`made again: ${replay.level}, ${replay.reason}`);
  return `${new Date(at).toISOString()}  ${from} → ${tinted(to)}  ${pc.dim(rule.name)}  ${reason}  ${again}`;
}

function ask({ connection }: CliContext): Promise<GuardAnswer> {
  return connection.call('GET', '/guard');
}

async function until(context: CliContext, level: Level, timeoutMs: number): Promise<GuardAnswer> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const answer = await ask(context);
    if (answer.level === level) return answer;
    if (Date.now() >= deadline)
      throw new CommandError(EXIT.timeout, `still at ${answer.level} after ${timeoutMs / 1000} s, not at ${level}`);
    await wait(250);
  }
}

function table({ host, level, since, reason, readings, response, runaway, thresholds }: GuardAnswer): string {
  const metric = (name: 'cpu' | 'ram' | 'disk', value: number | null) => {
    const bounds = ['warn', 'critical', 'emergency'].flatMap((word) =>
      thresholds[name][word] === undefined ? [] : [`${word} ${thresholds[name][word]}`],
    );
    return `${name.padEnd(5)} ${value === null ? '?' : value.toFixed(1)} %  ${pc.dim(`(${bounds.join(', ')})`)}`;
  };
  return [
    `${pc.bold(host)}  ${tinted(level)} for ${ago(since, Date.now())}  ${pc.dim(reason)}`,
    metric('cpu', readings.cpu_percent),
    metric('ram', readings.ram_percent),
    metric('disk', readings.disk_percent),
    '',
    ...Object.entries(response).map(([key, value]) => `${key.replaceAll('_', ' ').padEnd(24)} ${value}`),
    `${'runaway kill'.padEnd(24)} ${runaway}`,
  ].join('\n');
}
