import type { Status } from '@ops/shared/events';
import type { Command } from 'commander';
import pc from 'picocolors';
import { type CliContext, contextOf } from '../context.js';
import { ago, columns, printData, span, tinted } from '../output.js';
import { repeat } from '../repeat.js';

/** `ops status`: the host, its level, and every service, worst first. */
export function statusCommand(program: Command): void {
  program
    .command('status')
    .description('the host, its guard level, and every service of the inventory, worst first')
    .option('-w, --watch', 'show it again every 2 s until Ctrl-C')
    .action(async (options: { watch?: true }, command: Command) => {
      const context = contextOf(command);
      await repeat(options.watch === true, () => show(context));
    });
}

async function show({ connection, format }: CliContext): Promise<void> {
  const [status, drift] = await Promise.all([connection.call<Status>('GET', '/status'), driftNow(connection)]);
  printData(format, { ...status, drift }, () => [table(status), ...driftLines(drift)].join('\n'));
}

interface Drift {
  readonly project: string;
  readonly service: string;
  readonly what: string;
}

// What runs otherwise than it was deployed. Where the deployer cannot say (no engine), the status itself still can be shown.
async function driftNow(connection: CliContext['connection']): Promise<readonly Drift[] | null> {
  return connection.call<{ drift: Drift[] }>('GET', '/drift').then(
    ({ drift }) => drift,
    () => null,
  );
}

function driftLines(drift: readonly Drift[] | null): string[] {
  return (drift ?? []).map(
    ({ project, service, what }) => `${pc.yellow('drift')}  ${service} in ${project}: ${what}: repair it with \`ops deploy\``,
  );
}

const WORST_FIRST = ['down', 'unknown', 'degraded', 'paused', 'up'];

function table(status: Status): string {
  const now = Date.now();
  const { resource_utilisation: used, uptime_metrics: uptime } = status;
  const services = [...status.services].sort((a, b) => WORST_FIRST.indexOf(a.status) - WORST_FIRST.indexOf(b.status));
  return [
    `${pc.bold(status.host)}  ${tinted(status.level)} for ${ago(status.level_since, now)}  ${pc.dim(status.level_reason)}`,
    `cpu ${percent(used.cpu_percent)}  ram ${percent(used.ram_percent)}  disk ${percent(used.disk_percent)}  pressure ${percent(used.cpu_pressure)}  iowait ${percent(used.iowait_percent)}  ${pc.dim(`(${status.scope})`)}`,
    `services ${uptime.services_up}/${uptime.services_total}  alerts ${status.alerts_firing}  monitor up ${span(uptime.monitor_uptime_seconds)}  host up ${span(uptime.host_uptime_seconds)}`,
    '',
    columns(
      ['SERVICE', 'STATUS', 'FOR', 'PORT', 'MS', 'UP 24H', 'DETAIL'],
      services.map((service) => [
        service.service,
        tinted(service.status),
        ago(service.since, now),
        service.port === null ? '-' : String(service.port),
        service.response_ms === null ? '-' : service.response_ms.toFixed(1),
        service.uptime_24h === null ? '-' : `${(service.uptime_24h * 100).toFixed(2)} %`,
        service.detail,
      ]),
    ),
  ].join('\n');
}

function percent(value: number | null): string {
  return value === null ? '?' : `${value.toFixed(1)} %`;
}
