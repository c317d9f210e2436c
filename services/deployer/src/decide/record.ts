import type { Deployment, Facts, Finding, JournalledStep, Plan } from '../deployment-types.js';

/** The document of a deployment: the seed's deployment log first, then everything that somebody may ask later. */
export function buildRecord(
  deployment: Deployment,
  steps: readonly JournalledStep[],
  findings: readonly Finding[],
  { release }: { readonly release: string | null },
): Record<string, unknown> {
  const {
    deployment_id,
    about,
    kind,
    folder,
    requested_by,
    request,
    verdict,
    reason,
    plan,
    plan_hash,
    approval,
    failure,
    facts,
    touched,
  } = deployment;
  const began = deployment.created_at.getTime();
  const ended = (deployment.finished_at ?? deployment.created_at).getTime();
  return {
    service: about,
    action: kind,
    status: verdict,
    timestamp: new Date(ended).toISOString(),
    duration: (ended - began) / 1000,
    deployment_id,
    project: folder,
    requested_by,
    requested_at: deployment.created_at.toISOString(),
    why: request?.changes ?? '',
    cause: deployment.cause,
    reason,
    findings,
    plan: plan === null ? null : planWords(plan),
    plan_hash,
    approval,
    guard: facts.gate ?? [],
    touched,
    snapshot: facts.snapshot ?? null,
    release_before: release,
    timeline: steps.map(({ step, began_at, ended_at, outcome, detail }) => ({
      step,
      outcome,
      detail,
      from_ms: began_at.getTime() - began,
      to_ms: ended_at === null ? null : ended_at.getTime() - began,
    })),
    failure,
    restored: facts.restored ?? [],
    dumps: facts.dumps ?? [],
    databases: facts.databases ?? [],
    hooks: facts.hooks ?? [],
    rollback: procedure(deployment, release),
  };
}

function planWords({ project, services, untouched, irreversible, dumps }: Plan) {
  return {
    project,
    services: services.map(({ service, change, differences, strategy, old, image, imageId, configHash }) => ({
      service,
      change,
      differences,
      strategy,
      from: old.map(({ name, imageId: id, configHash: hash }) => ({ container: name, image_id: id, config_hash: hash })),
      to: { image, image_id: imageId, config_hash: configHash },
    })),
    untouched,
    irreversible,
    dumps,
  };
}

// What a person does to undo it, or to look into it.
function procedure(deployment: Deployment, release: string | null): string[] {
  const { verdict, about, deployment_id, facts, touched } = deployment;
  if (!touched) return ['nothing was touched: there is nothing to take back'];
  if (verdict === 'succeeded')
    return release === null
      ? [`no release before this one is known: deploy the version that you want of ${about}`]
      : [`ops rollback ${about} ${release}`, `its files and rendered model: ${facts.snapshot ?? 'not kept'}`];
  if (verdict === 'rolled-back')
    return [
      'it was taken back: the version before runs',
      `the files that were not wanted are kept in ${facts.snapshot ?? 'no snapshot'}`,
      ...keptDatabases(facts),
    ];
  return [
    `ops deployments ${deployment_id}: the evidence says what failed`,
    `docker ps --all --filter name=ops-${deployment_id.slice(0, 8)}: containers of the version before, stopped and kept`,
    ...(release === null ? [] : [`ops rollback ${about} ${release}: the last release that was proven`]),
    ...keptDatabases(facts),
    ...dumpsToPutBack(deployment),
  ];
}

function keptDatabases({ databases = [] }: Facts): string[] {
  return databases.map(
    ({ service, name, kept }) => `${name} of ${service} is as it was dumped; what came after is kept in ${kept}`,
  );
}

// What has been changed, and not been put back.
function dumpsToPutBack({ deployment_id, plan, facts }: Deployment): string[] {
  const { dumps = [], databases = [], schemaAtRisk } = facts;
  const back = new Set(databases.map(({ service, name }) => `${service} ${name}`));
  return dumps
    .filter(({ service, name }) => schemaAtRisk === true && !back.has(`${service} ${name}`))
    .flatMap(({ service, name, user, file }) => {
      const restored = `${name}_ops_${deployment_id.slice(0, 8)}`;
      const inside = (program: string) =>
        `docker compose --project-name ${plan?.project} exec -T ${service} ${program} --username=${user}`;
      return [
        `${name} of ${service} was not put back; its dump is ${file}. Into another database, drop ${restored} first where it is there:`,
        `${inside('psql')} --dbname=postgres < ${file.replace(/\.dump$/, '.sql')}`,
        `${inside('pg_restore')} --exit-on-error --dbname=${restored} < ${file}`,
        `then stop what uses ${name}, and rename: ${name} to a name that you keep, ${restored} to ${name}`,
      ];
    });
}
