import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { CliContext } from '../context.js';
import { contextOf } from '../context.js';
import { type DeploymentDetail, type DeploymentView, endText, planText } from '../deployment-view.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { count, duration } from '../options.js';
import { ago, columns, printData, say, span, tinted } from '../output.js';

interface Release {
  readonly release_id: string;
  readonly at: string;
  readonly current: boolean;
  readonly services: Readonly<Record<string, { readonly image: string; readonly imageId: string }>>;
}

/** `ops deployments`, `ops approve`, `ops reject`, `ops freeze`, `ops unfreeze`. */
export function deploymentsCommands(program: Command): void {
  program
    .command('deployments')
    .argument('[id]', 'one deployment with its plan, its steps and what came of it; the first digits are enough')
    .description('what was deployed, newest first; or one deployment; or the releases that one can go back to')
    .option('--service <name>', 'only of this service')
    .option('--releases <service>', 'the kept releases of its project')
    .option('-n, --limit <count>', 'at most so many', count, 20)
    .action(async (id: string | undefined, options: { service?: string; releases?: string; limit: number }, command: Command) => {
      const context = contextOf(command);
      if (options.releases !== undefined) return showReleases(context, options.releases);
      const { connection, format } = context;
      if (id !== undefined) {
        const found = await connection.call<DeploymentDetail>('GET', `/deployments/${encodeURIComponent(id)}`);
        return printData(format, found, () => one(found));
      }
      const of = options.service === undefined ? '' : `&service=${encodeURIComponent(options.service)}`;
      const { deployments } = await connection.call<{ deployments: DeploymentView[] }>(
        'GET',
        `/deployments?limit=${options.limit}${of}`,
      );
      printData(format, deployments, () => (deployments.length === 0 ? 'no deployments' : list(deployments)));
    });

  for (const word of ['approve', 'reject'] as const) {
    program
      .command(word)
      .argument('<deployment>', 'its id, or the first digits of it')
      .description(
        word === 'approve' ? 'let a deployment go on that cannot be taken back' : 'end a deployment that waits for an approval',
      )
      .option('-r, --reason <text>', 'why', '')
      .option('--by <name>', 'who', userInfo().username)
      .option('--plan <hash>', 'the plan that you have seen; asked for with --quiet, else the one that is shown now')
      .action(async (id: string, options: { reason: string; by: string; plan?: string }, command: Command) => {
        const { connection, format, quiet } = contextOf(command);
        const found = await connection.call<DeploymentDetail>('GET', `/deployments/${encodeURIComponent(id)}`);
        if (options.plan === undefined && quiet)
          throw new CommandError(EXIT.usage, '--plan <hash> is needed with --quiet: nobody sees the plan');
        if (!quiet && found.plan !== null) say(planText(found.plan));
        const sent = { by: options.by, reason: options.reason, plan_hash: options.plan ?? found.plan_hash ?? 'none' };
        const answer = await connection.call<{ deployment_id: string; status: string }>(
          'POST',
          `/deployments/${found.deployment_id}/${word}`,
          sent,
        );
        printData(format, answer, () => `${answer.deployment_id} ${answer.status}`);
      });
  }

  program
    .command('freeze')
    .description('hold every deployment until it is ended; what has begun goes on')
    .requiredOption('-r, --reason <text>', 'why')
    .option('--for <duration>', 'it ends by itself after so long', duration)
    .option('--by <name>', 'who', userInfo().username)
    .action(async (options: { reason: string; for?: number; by: string }, command: Command) => {
      const { connection, format } = contextOf(command);
      const sent = { reason: options.reason, by: options.by, ...(options.for === undefined ? {} : { for: `${options.for}ms` }) };
      const { freeze } = await connection.call<{ freeze: { until: string | null } }>('POST', '/freeze', sent);
      printData(format, freeze, () => `frozen ${freeze.until === null ? 'until `ops unfreeze`' : `until ${freeze.until}`}`);
    });

  program
    .command('unfreeze')
    .description('end the freeze: held deployments go on')
    .action(async (_options: object, command: Command) => {
      const { connection, format } = contextOf(command);
      const answer = await connection.call<{ ended: boolean }>('DELETE', '/freeze');
      printData(format, answer, () => (answer.ended ? 'no freeze any more' : 'there was no freeze'));
    });
}

async function showReleases({ connection, format }: CliContext, service: string): Promise<void> {
  const { releases } = await connection.call<{ releases: Release[] }>('GET', `/releases?service=${encodeURIComponent(service)}`);
  const now = Date.now();
  printData(format, releases, () =>
    releases.length === 0
      ? 'no release is kept yet'
      : columns(
          ['RELEASE', 'SINCE', '', 'IMAGES'],
          releases.map(({ release_id, at, current, services }) => [
            release_id,
            `${ago(at, now)} ago`,
            current ? 'runs' : '',
            Object.entries(services)
              .map(([name, { image, imageId }]) => `${name} ${image} ${imageId.replace(/^sha256:/, '').slice(0, 12)}`)
              .join(', '),
          ]),
        ),
  );
}

function list(deployments: readonly DeploymentView[]): string {
  const now = Date.now();
  return columns(
    ['ID', 'SERVICE', 'KIND', 'STATUS', 'ASKED', 'TOOK', 'BY', 'WHY'],
    deployments.map(({ deployment_id, service, action, status, created_at, duration: took, requested_by, reason }) => [
      deployment_id.slice(0, 8),
      service,
      action,
      tinted(status),
      `${ago(created_at, now)} ago`,
      took === null ? '' : span(took),
      requested_by,
      (reason ?? '').slice(0, 80),
    ]),
  );
}

function one(found: DeploymentDetail): string {
  const steps = found.steps.map(({ step, outcome, began_at, ended_at, detail }) => [
    step,
    outcome ?? 'now',
    ended_at === null ? '' : `${Date.parse(ended_at) - Date.parse(began_at)} ms`,
    detail ?? '',
  ]);
  return [
    `${found.deployment_id}  ${found.action} ${found.service}  ${tinted(found.status)}  by ${found.requested_by}`,
    ...(found.plan === null ? [] : ['', planText(found.plan)]),
    '',
    columns(['STEP', 'OUTCOME', 'TOOK', 'WHAT'], steps),
    '',
    endText(found),
    ...(found.plan_hash === null || found.waits_for !== 'approval'
      ? []
      : [`plan ${found.plan_hash}: ops approve ${found.deployment_id.slice(0, 8)}`]),
  ].join('\n');
}
