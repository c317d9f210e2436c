import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { contextOf } from '../context.js';
import { type DeploymentDetail, endText, planText } from '../deployment-view.js';
import { CommandError, EXIT } from '../exit-codes.js';
import { exitCodeOf, followDeployment } from '../follow-deployment.js';
import { duration } from '../options.js';
import { printData, say } from '../output.js';

interface TargetOptions {
  readonly project?: true;
  readonly kind: string;
  readonly image?: string;
  readonly orchestrator?: string;
  readonly composeFile?: string[];
  readonly configFile?: string[];
  readonly why?: string;
  readonly by: string;
  readonly schemaChange?: true;
  readonly volumesChange?: true;
}

interface WaitOptions {
  readonly detach?: true;
  readonly wait?: true;
  readonly timeout: number;
}

const LONGEST_MS = 7 * 3_600_000;

/** `ops deploy`, `ops plan`, `ops rollback`. */
export function deployCommands(program: Command): void {
  waitable(
    target(
      program
        .command('deploy')
        .description('deploy a service or project, prove it, watch it; it is taken back where it does not hold'),
    ),
  ).action(async (name: string, options: TargetOptions & WaitOptions, command: Command) =>
    request(command, { ...body(name, options) }, options),
  );

  target(program.command('plan').description('what a deployment would do; touches nothing'))
    .option('--timeout <duration>', 'wait so long at most', duration, 120_000)
    .action(async (name: string, options: TargetOptions & { timeout: number }, command: Command) => {
      const { connection, format } = contextOf(command);
      const sent = { ...body(name, options), dry_run: true };
      const { deployment_id } = await connection.call<{ deployment_id: string }>('POST', '/deployments', sent);
      const ended = await followDeployment(connection, deployment_id, { timeoutMs: options.timeout, quiet: true });
      printData(format, ended, () =>
        ended.plan === null
          ? endText(ended)
          : [planText(ended.plan), ...(ended.verdict === 'planned' ? [] : [endText(ended)])].join('\n'),
      );
      if (ended.verdict !== 'planned')
        throw new CommandError(exitCodeOf(ended.verdict), `it would not be done: ${ended.reason ?? ended.verdict}`);
    });

  waitable(
    program
      .command('rollback')
      .argument('<service>', 'a service of the inventory')
      .argument(
        '[release]',
        'the deployment whose release is to come back (`ops deployments --releases <service>`); the one before where it is not given',
      )
      .description('go back to a kept release; its difference is shown first')
      .option('--why <text>', 'for the record')
      .option('--by <name>', 'who', userInfo().username),
  ).action(
    async (
      service: string,
      release: string | undefined,
      options: { why?: string; by: string } & WaitOptions,
      command: Command,
    ) => {
      const { connection, quiet } = contextOf(command);
      const sent = {
        kind: 'rollback',
        service,
        ...(release === undefined ? {} : { release }),
        changes: options.why ?? 'rollback',
        requested_by: options.by,
      };
      const { deployment_id } = await connection.call<{ deployment_id: string }>('POST', '/deployments', {
        ...sent,
        dry_run: true,
      });
      const planned = await followDeployment(connection, deployment_id, { timeoutMs: 120_000, quiet: true });
      if (planned.verdict !== 'planned') throw new CommandError(exitCodeOf(planned.verdict), endText(planned));
      if (!quiet && planned.plan !== null) say(planText(planned.plan));
      await request(command, sent, options);
    },
  );
}

function target(command: Command): Command {
  return command
    .argument('<name>', 'a service of the inventory, or a project with --project')
    .option('--project', 'all services of a Compose project of the inventory')
    .addOption(
      new Option('--kind <kind>', 'what is asked for')
        .choices(['compose', 'image', 'config', 'restart', 'remove'])
        .default('compose'),
    )
    .option('--image <reference>', 'the image that the service is to run (--kind image)')
    .addOption(new Option('--orchestrator <name>', 'what is to carry it').choices(['compose', 'swarm']))
    .option('--compose-file <path...>', 'inside the project folder')
    .option('--config-file <path...>', 'files of the project folder that have changed')
    .option('--why <text>', 'for the record')
    .option('--by <name>', 'who', userInfo().username)
    .option('--schema-change', 'a database schema changes: it is dumped before')
    .option('--volumes-change', 'volumes change');
}

function waitable(command: Command): Command {
  return command
    .option('--wait', 'show the steps until it has ended (the default)')
    .option('--detach', 'print its id and go')
    .option('--timeout <duration>', 'wait so long at most; the deployment goes on', duration, LONGEST_MS);
}

function body(name: string, options: TargetOptions): Record<string, unknown> {
  const { project, kind, image, orchestrator, composeFile, configFile, why, by, schemaChange, volumesChange } = options;
  return {
    kind: image === undefined ? kind : 'image',
    ...(project === true ? { project: name } : { service: name }),
    ...(image === undefined ? {} : { image }),
    ...(orchestrator === undefined ? {} : { orchestrator }),
    ...(composeFile === undefined ? {} : { compose_files: composeFile }),
    ...(configFile === undefined ? {} : { config_files: configFile }),
    changes: why ?? '',
    requested_by: by,
    schema_change: schemaChange === true,
    volumes_changed: volumesChange === true,
  };
}

async function request(command: Command, sent: object, { detach, timeout }: WaitOptions): Promise<void> {
  const { connection, format, quiet } = contextOf(command);
  const { deployment_id } = await connection.call<{ deployment_id: string }>('POST', '/deployments', sent);
  if (detach === true) {
    printData(format, { deployment_id, status: 'started' }, () => `${deployment_id} started`);
    return;
  }
  const ended: DeploymentDetail = await followDeployment(connection, deployment_id, { timeoutMs: timeout, quiet });
  printData(format, ended, () => endText(ended));
  const code = exitCodeOf(ended.verdict);
  if (code !== EXIT.ok) throw new CommandError(code, `${ended.service}: ${ended.verdict}`);
}
