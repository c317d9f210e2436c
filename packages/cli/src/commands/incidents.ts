import type { Command } from 'commander';
import { contextOf } from '../context.js';
import { ago, columns, printData, tinted } from '../output.js';

interface Incident {
  readonly incident_id: string;
  readonly severity: string;
  readonly about: string;
  readonly summary: string;
  readonly root_cause: string | null;
  readonly resolution: string | null;
  readonly opened_at: string;
  readonly resolved_at: string | null;
  readonly evidence?: readonly { readonly at: string; readonly kind: string; readonly text: string }[];
}

/** `ops incidents [id]`: the list, newest first, or one with its evidence. */
export function incidentsCommand(program: Command): void {
  program
    .command('incidents')
    .argument('[id]', 'one incident, with its evidence')
    .description('what went wrong, newest first; or one incident with its evidence')
    .option('--open', 'only what is not resolved')
    .action(async (id: string | undefined, options: { open?: true }, command: Command) => {
      const { connection, format } = contextOf(command);
      if (id !== undefined) {
        const incident = await connection.call<Incident>('GET', `/incidents/${encodeURIComponent(id)}`);
        return printData(format, incident, () => one(incident));
      }
      const { incidents } = await connection.call<{ incidents: Incident[] }>('GET', `/incidents?open=${options.open === true}`);
      printData(format, incidents, () => (incidents.length === 0 ? 'no incidents' : list(incidents)));
    });
}

function list(incidents: readonly Incident[]): string {
  const now = Date.now();
  return columns(
    ['ID', 'SEVERITY', 'ABOUT', 'OPENED', 'STATE', 'WHAT'],
    incidents.map(({ incident_id, severity, about, opened_at, resolved_at, summary }) => [
      incident_id,
      tinted(severity),
      about,
      `${ago(opened_at, now)} ago`,
      resolved_at === null ? 'open' : 'resolved',
      summary,
    ]),
  );
}

function one(incident: Incident): string {
  return [
    `${incident.incident_id}  ${tinted(incident.severity)}  ${incident.about}  ${incident.resolved_at === null ? 'open' : `resolved ${incident.resolved_at}`}`,
    incident.summary,
    `root cause: ${incident.root_cause ?? 'not known yet'}`,
    `resolution: ${incident.resolution ?? 'none yet'}`,
    '',
    ...(incident.evidence ?? []).map(({ at, kind, text }) => `${at}  ${kind.padEnd(12)} ${text}`),
  ].join('\n');
}
