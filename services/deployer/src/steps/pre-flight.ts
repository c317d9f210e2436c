import { availableMemory, freeSpace } from '../act/free-space.js';
import { findListeners } from '../act/listeners.js';
import { scanSecrets } from '../act/scan-secrets.js';
import { Swarm } from '../act/swarm.js';
import type { ComposeModel } from '../compose-model.js';
import { preFlightFindings, wantedPorts } from '../decide/pre-flight.js';
import { finding } from '../decide/request.js';
import type { Finding } from '../deployment-types.js';
import { ownServers } from '../state/own-servers.js';
import { orchestratorOf } from './orchestrator.js';
import { plannedModel, planOf, type Run, requestOf, type StepResult } from './step.js';

const OTHERWISE = 'another server; this one is changed by hand, after `ops freeze` (docs/deployments.md)';

/** 3. What would fail is found here, before any container is touched. */
export async function preFlight(run: Run): Promise<StepResult> {
  const { kind, dryRun } = requestOf(run);
  const findings = [...(await ownServerFindings(run)), ...(kind === 'remove' ? [] : await findingsOf(run))];
  if (findings.length > 0) return { kind: 'end', verdict: 'blocked', reason: 'it would fail', findings };
  if (dryRun) return { kind: 'end', verdict: 'planned', reason: 'a dry run: nothing was touched' };
  return { kind: 'done', detail: 'nothing was found' };
}

// With the journal or the bus away nobody would finish what was begun, nor take it back.
async function ownServerFindings(run: Run): Promise<Finding[]> {
  const { deployer, engine } = run;
  const { project, services } = planOf(run);
  const changed = new Set(services.flatMap(({ change, old }) => (change === 'keep' ? [] : old.map(({ id }) => id))));
  if (changed.size === 0) return [];
  const servers = await ownServers(deployer.redis, deployer.database);
  const { containers: all } = await orchestratorOf(run).all(engine).look(project);
  const containers = all.filter(({ id }) => changed.has(id));
  return servers.flatMap(({ name, address }) =>
    containers
      .filter(({ addresses }) => addresses.includes(address))
      .map((container) =>
        finding(
          'own-server',
          container.service,
          `container ${container.name} is the ${name} that the deployer works with`,
          OTHERWISE,
        ),
      ),
  );
}

async function findingsOf(run: Run): Promise<Finding[]> {
  const { deployer, engine } = run;
  const plan = planOf(run);
  const [model, info, published] = await Promise.all([plannedModel(run), engine.info(), orchestratorOf(run).published(run)]);
  const severalNodes = plan.orchestrator === 'swarm' && (await new Swarm(engine).state()).nodes > 1;
  const wanted = plan.services.flatMap(({ service }) => wantedPorts(model, service).map(({ port }) => port));
  const listeners = await findListeners(new Set(wanted));
  const findings = preFlightFindings({
    dryRun: requestOf(run).dryRun,
    plan,
    model,
    published,
    listeners,
    inventory: deployer.config.inventory.services.flatMap(({ name, port, compose }) =>
      port === undefined ? [] : [{ name, port, project: compose?.project ?? null, service: compose?.service ?? null }],
    ),
    host: severalNodes ? null : { memory: info.memory, availableMemory: await availableMemory(), cpus: info.cpus },
    disks: await Promise.all([info.rootFolder, deployer.home].map(async (path) => ({ path, freeMb: await freeSpace(path) }))),
    minFreeMb: deployer.config.deploy.min_free_disk,
    verify: { withinMs: deployer.config.deploy.verify.within, healthyForMs: deployer.config.deploy.verify.healthy_for },
  });
  return [...findings, ...(await secretFindings(run, model))];
}

// What is made for secrets (.env, env files, Compose secrets) may hold them. Everything else is read by more people than that.
async function secretFindings(run: Run, model: ComposeModel): Promise<Finding[]> {
  const { files, fileHashes, release } = planOf(run);
  if (release !== null) return [];
  const secrets = new Set(Object.values(model.secrets ?? {}).map((secret) => secret.file));
  const mounted = Object.values(model.services).flatMap(({ volumes, configs }) => [
    ...(volumes ?? []).flatMap(({ type, source }) => (type === 'bind' && source !== undefined ? [source] : [])),
    ...(configs ?? []).flatMap(({ source }) => model.configs?.[source]?.file ?? []),
  ]);
  const config = Object.keys(fileHashes).filter((path) =>
    mounted.some((source) => path === source || path.startsWith(`${source}/`)),
  );
  const scanned = [...new Set([...files, ...config])].filter(
    (path) => !secrets.has(path) && !/(?:^|\/)\.env(?:\.|$)|\.env$/.test(path),
  );
  return (await scanSecrets(scanned)).map(({ file, line, kind }) =>
    finding('secret-in-file', `${file}:${line}`, kind, 'a variable (.env), an env file or a Compose secret'),
  );
}
