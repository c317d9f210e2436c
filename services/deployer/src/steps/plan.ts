import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Redactor } from '@ops/shared/secrets';
import { stringify } from 'yaml';
import type { Rendered } from '../act/compose.js';
import { DockerCommandError } from '../act/docker-command.js';
import { writeSurely } from '../act/own-files.js';
import { composeFilesIn, envFilesOf, hashFiles, isInside, projectFiles } from '../act/project-files.js';
import { snapshotModel } from '../act/snapshot.js';
import type { ComposeModel } from '../compose-model.js';
import { canonical } from '../decide/canonical.js';
import { planDeployment } from '../decide/plan.js';
import { finding } from '../decide/request.js';
import type { Finding, Plan } from '../deployment-types.js';
import type { ImageFacts } from '../engine-facts.js';
import { currentRelease, listReleases, type Release } from '../state/releases.js';
import { rememberEnvFiles, rememberSecretFiles, rememberSecrets } from './secrets.js';
import { folderOf, modelFile, type Run, requestOf, type StepResult } from './step.js';
import { swarmPlanFacts } from './swarm/plan.js';

/** 2. What has to change, in which order, and whether it can be taken back. Touches no container. */
export async function plan(run: Run): Promise<StepResult> {
  const { deployment } = run;
  const made = await makePlan(run);
  if ('findings' in made) return { kind: 'end', verdict: 'blocked', reason: 'the plan cannot be made', findings: made.findings };
  const hash = createHash('sha256').update(canonical(made.plan)).digest('hex').slice(0, 32);
  // An approval is for one plan: where the world has moved since, it is void.
  const approval = deployment.approval?.plan_hash === hash ? deployment.approval : null;
  const words = made.plan.services.map(({ service, change, differences }) => `${change} ${service} (${differences.join('; ')})`);
  return {
    kind: 'done',
    detail: words.join(', '),
    change: { plan: made.plan, plan_hash: hash, approval, facts: { ...deployment.facts, folder: folderOf(run) } },
  };
}

/** The plan of a request as things are now. */
export async function makePlan(run: Run): Promise<{ readonly plan: Plan } | { readonly findings: readonly Finding[] }> {
  const { deployer } = run;
  const request = requestOf(run);
  const release = await currentRelease(deployer.database, request.folder);
  const source = request.kind === 'rollback' ? await fromRelease(run) : await fromFiles(run, release);
  if ('findings' in source) return source;
  const { files, model, hashes, images } = source;
  rememberSecrets(run.redactor, model);
  await rememberSecretFiles(run.redactor, model);
  const missing = request.services.filter((name) => model.services[name] === undefined);
  if (missing.length > 0)
    return { findings: missing.map((name) => finding('unknown-service', 'compose', name, 'a service of the Compose file')) };
  const before = release === undefined ? undefined : await knownModel(run, release);
  if (before !== undefined) rememberSecrets(run.redactor, before);
  const project = await projectFiles(request.folder, files, model, request.configFiles);
  // One that has no service any more is carried by nobody.
  const carried =
    release === undefined || Object.keys(release.facts.services).length === 0
      ? undefined
      : (release.facts.orchestrator ?? 'compose');
  const orchestrator = request.orchestrator ?? carried ?? 'compose';
  if (carried !== undefined && orchestrator !== carried)
    return {
      findings: [finding('other-orchestrator', 'data.orchestrator', orchestrator, `${carried}, which carries this project`)],
    };
  // Of a database in a Swarm no dump is made: the node that runs it may be another.
  const inventory = Object.fromEntries(
    deployer.config.inventory.services.flatMap(({ name, compose, deploy }) =>
      compose?.project === request.folder
        ? [
            [
              compose.service,
              { name, twoVersions: deploy.two_versions, database: orchestrator === 'swarm' ? undefined : deploy.database },
            ] as const,
          ]
        : [],
    ),
  );
  const fileHashes = source.fileHashes ?? (await hashFiles(project.paths));
  const common = { model, images, inventory, current: release?.facts, fileHashes, filesOf: project.ofService };
  const swarm = orchestrator === 'swarm' ? await swarmPlanFacts(run, common) : { hashes, pins: {} };
  if ('findings' in swarm) return swarm;
  const { containers } = await deployer.orchestrators[orchestrator].all(run.engine).look(model.name);
  const planned = planDeployment({
    ...common,
    ...swarm,
    request,
    orchestrator,
    release: source.release,
    overrides: source.overrides,
    files,
    containers,
    before,
  });
  // What was planned is what is kept: files may change while a deployment waits, and that must be seen.
  await writeSurely(modelFile(run), JSON.stringify(model));
  return { plan: planned };
}

// Without it what differs has no names, and the way back has no files: the plan says so where that matters.
async function knownModel({ deployer }: Run, { release_id, snapshot }: Release): Promise<ComposeModel | undefined> {
  try {
    return await snapshotModel(snapshot);
  } catch (error) {
    deployer.log.warn({ release: release_id, error }, 'the snapshot of the release that runs cannot be read');
    return undefined;
  }
}

interface Source {
  readonly release: string | null;
  readonly overrides: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly model: ComposeModel;
  readonly hashes: Readonly<Record<string, string>>;
  readonly images: Readonly<Record<string, ImageFacts | undefined>>;
  readonly fileHashes?: Readonly<Record<string, string>>;
}
type Sourced = Source | { readonly findings: readonly Finding[] };

async function fromFiles(run: Run, release: Release | undefined): Promise<Sourced> {
  const request = requestOf(run);
  const { folder } = request;
  const chosen = request.composeFiles.length > 0 ? request.composeFiles : await composeFilesIn(folder);
  if (chosen.length === 0)
    return { findings: [finding('no-compose-file', folder, '', 'a Compose file (compose.yaml) in the folder')] };
  const outside: Finding[] = [];
  for (const file of chosen)
    if (!(await isInside(folder, file)))
      outside.push(finding('outside-project', 'compose_files', file, `a file inside ${folder}`));
  if (outside.length > 0) return { findings: outside };
  const overrides = overridesOf(run, release);
  const files = Object.keys(overrides).length === 0 ? chosen : [...chosen, await imageOverride(run, overrides)];
  await rememberEnvFiles(run.redactor, await envFilesOf(folder, chosen));
  let rendered: Rendered;
  try {
    rendered = await run.deployer.compose.render({ folder, files });
  } catch (error) {
    if (!(error instanceof DockerCommandError)) throw error;
    // It may show what it read: every value of these files is hidden in it, whether it is a secret or not.
    const careful = new Redactor();
    await rememberEnvFiles(careful, [...files, ...(await envFilesOf(folder, chosen))]);
    const said = run.redactor.text(careful.text(error.output));
    return { findings: [finding('compose-invalid', files.join(', '), said, 'files that Compose accepts')] };
  }
  if (rendered.unsetVariables.length > 0) {
    const findings = rendered.unsetVariables.map((name) =>
      finding('unset-variable', files.join(', '), name, 'a variable that is set (.env)'),
    );
    return { findings };
  }
  rememberSecrets(run.redactor, rendered.model);
  const { model, hashes } = rendered;
  return { release: null, overrides, files, model, hashes, images: await imagesFor(run, model, files) };
}

// `image` is said beside the files of the project, not in them; it stays until a deployment of kind compose takes the files as they are.
function overridesOf(run: Run, release: Release | undefined): Readonly<Record<string, string>> {
  const { kind, image, services } = requestOf(run);
  const before = kind === 'compose' ? {} : (release?.facts.overrides ?? {});
  return image === null ? before : { ...before, [services[0] ?? '']: image };
}

async function imageOverride(run: Run, overrides: Readonly<Record<string, string>>): Promise<string> {
  const file = join(folderOf(run), 'images.yaml');
  const services = Object.fromEntries(Object.entries(overrides).map(([name, image]) => [name, { image }]));
  await writeSurely(file, stringify({ services }));
  return file;
}

// Fetched or built here, before anything waits for it; the ids that are found are what the plan names.
async function imagesFor(run: Run, model: ComposeModel, files: readonly string[]): Promise<Source['images']> {
  const { folder, kind, services, dryRun } = requestOf(run);
  const names = services.length > 0 ? services : Object.keys(model.services);
  const found: Record<string, ImageFacts | undefined> = {};
  for (const name of names) {
    const service = model.services[name];
    if (service === undefined) continue;
    const image = service.image ?? `${model.name}-${name}`;
    found[image] = await run.engine.image(image);
    const builds = service.build !== undefined && service.build !== null;
    const wanted = builds
      ? kind === 'compose' || found[image] === undefined
      : found[image] === undefined || service.pull_policy === 'always';
    if (!wanted || dryRun || kind === 'remove' || kind === 'restart') continue;
    const doing = `${builds ? 'builds' : 'fetches'} ${image}`;
    run.deployment = await run.journal.note({ facts: { ...run.deployment.facts, doing } });
    try {
      await run.deployer.compose.prepare(builds ? 'build' : 'pull', { folder, files }, [name], run.signal);
    } catch (error) {
      if (run.signal.aborted) throw run.signal.reason;
      if (!(error instanceof DockerCommandError)) throw error;
      run.deployer.log.info({ service: name, output: run.redactor.text(error.output) }, 'an image could not be made ready');
      // Whatever is here of that name is not what was asked for.
      found[image] = undefined;
      continue;
    }
    found[image] = await run.engine.image(image);
  }
  return found;
}

async function fromRelease(run: Run): Promise<Sourced> {
  const { database } = run.deployer;
  const { folder, release: asked } = requestOf(run);
  const kept = await listReleases(database, folder);
  const target =
    asked === null ? kept.find(({ current }) => !current) : kept.find(({ release_id }) => release_id.startsWith(asked));
  if (target === undefined) {
    const known = kept.map(({ release_id }) => release_id).join(', ') || 'none is kept';
    return { findings: [finding('unknown-release', 'data.release', asked ?? 'the one before', `a kept release: ${known}`)] };
  }
  const { facts, snapshot } = target;
  const images: Record<string, ImageFacts | undefined> = {};
  for (const { image, imageId } of Object.values(facts.services)) images[image] = await run.engine.image(imageId);
  return {
    release: target.release_id,
    overrides: facts.overrides,
    files: facts.files,
    model: await snapshotModel(snapshot),
    hashes: Object.fromEntries(Object.entries(facts.services).map(([name, { configHash }]) => [name, configHash])),
    images,
    fileHashes: facts.fileHashes,
  };
}
