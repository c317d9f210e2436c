import { userInfo } from 'node:os';
import type { Command } from 'commander';
import pc from 'picocolors';
import { contextOf } from '../context.js';
import { ago, columns, printData, say, tinted } from '../output.js';

interface Alert {
  readonly fingerprint: string;
  readonly service: string;
  readonly metric: string;
  readonly severity: string;
  readonly summary: string;
  readonly state: string;
  readonly raised_at: string;
  readonly acknowledged: { readonly by: string; readonly reason: string } | null;
  readonly silenced: { readonly until: string; readonly by: string; readonly reason: string } | null;
}

/** `ops alerts`, `ops ack`, `ops silence`, `ops unsilence`. */
export function alertCommands(program: Command): void {
  program
    .command('alerts')
    .description('what is wrong now')
    .option('-a, --all', 'what was wrong and is over, too')
    .action(async (options: { all?: true }, command: Command) => {
      const { connection, format } = contextOf(command);
      const { alerts } = await connection.call<{ alerts: Alert[] }>('GET', `/alerts?all=${options.all === true}`);
      printData(format, alerts, () => (alerts.length === 0 ? 'nothing is wrong' : table(alerts)));
    });

  program
    .command('ack')
    .argument('<alert>', 'its id (`ops alerts`), the first digits of it, or a service')
    .description('say that you have seen an alert and why it may stand; it stays on the list')
    .requiredOption('-r, --reason <text>', 'why')
    .option('--by <name>', 'who', userInfo().username)
    .action(async (alert: string, { reason, by }: { reason: string; by: string }, command: Command) => {
      await change(
        command,
        'POST',
        `/alerts/${encodeURIComponent(alert)}/acknowledge`,
        { reason, by },
        () => `acknowledged ${alert}`,
      );
    });

  program
    .command('silence')
    .argument('<alert>', 'its id (`ops alerts`), the first digits of it, or a service')
    .description('hold the notices of an alert for a time; its check goes on, and its recovery ends the silence')
    .requiredOption('-r, --reason <text>', 'why')
    .requiredOption('-f, --for <duration>', 'how long: 30m, 4h, 2d')
    .option('--by <name>', 'who', userInfo().username)
    .action(async (alert: string, options: { reason: string; for: string; by: string }, command: Command) => {
      await change(
        command,
        'POST',
        `/alerts/${encodeURIComponent(alert)}/silence`,
        { reason: options.reason, for: options.for, by: options.by },
        (answer) => `silenced ${alert} until ${(answer as { until: string }).until}`,
      );
    });

  program
    .command('unsilence')
    .argument('<alert>', 'its id, the first digits of it, or a service')
    .description('end a silence')
    .action(async (alert: string, _options: unknown, command: Command) => {
      await change(command, 'DELETE', `/alerts/${encodeURIComponent(alert)}/silence`, undefined, () => `${alert} is heard again`);
    });
}

async function change(
  command: Command,
  method: 'POST' | 'DELETE',
  path: string,
  body: unknown,
  done: (answer: unknown) => string,
): Promise<void> {
  const { connection, format, quiet } = contextOf(command);
  const answer = await connection.call(method, path, body);
  if (format !== 'table') printData(format, answer, () => '');
  else if (!quiet) say(done(answer));
}

function table(alerts: readonly Alert[]): string {
  const now = Date.now();
  return columns(
    ['ID', 'SEVERITY', 'SERVICE', 'METRIC', 'FOR', 'WHAT'],
    alerts.map((alert) => [
      alert.fingerprint.slice(0, 8),
      alert.state === 'firing' ? tinted(alert.severity) : pc.dim('cleared'),
      alert.service,
      alert.metric,
      ago(alert.raised_at, now),
      [
        alert.summary,
        ...(alert.acknowledged === null ? [] : [`ack ${alert.acknowledged.by}: ${alert.acknowledged.reason}`]),
        ...(alert.silenced === null
          ? []
          : [`silenced until ${alert.silenced.until} by ${alert.silenced.by}: ${alert.silenced.reason}`]),
      ].join('; '),
    ]),
  );
}
