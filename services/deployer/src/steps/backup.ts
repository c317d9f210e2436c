import { join } from 'node:path';
import { isEngineAway } from '../act/engine.js';
import { projectFiles } from '../act/project-files.js';
import { snapshotModel, takeSnapshot } from '../act/snapshot.js';
import type { ComposeModel } from '../compose-model.js';
import { currentRelease } from '../state/releases.js';
import { dumpDatabases } from './databases.js';
import { runHooks } from './hooks.js';
import { keepTag } from './images.js';
import { orchestratorOf } from './orchestrator.js';
import { fail, folderOf, heldAtGate, plannedModel, planOf, type Run, requestOf, type StepResult } from './step.js';

/** 5. Everything that the way back needs, on disk and read again, before the first container is touched. */
export async function backup(run: Run): Promise<StepResult> {
  const { deployer, engine, journal } = run;
  const held = await heldAtGate(run, 'backup');
  if (held.kind !== 'open') return held;
  const plan = planOf(run);
  const request = requestOf(run);
  // Of a rollback it is what is given up; what comes back is a snapshot already.
  const folder = join(folderOf(run), plan.release === null ? 'snapshot' : 'before');
  try {
    const model = await modelOfRelease(run);
    const files = await projectFiles(request.folder, plan.files, model, request.configFiles);
    const { inspected, facts } = await orchestratorOf(run).remember(run);
    if (facts !== undefined) run.deployment = await journal.note({ facts: { ...run.deployment.facts, ...facts } });
    const hashes = await takeSnapshot(folder, { files: files.paths, model, inspected });
    const moved = Object.entries(plan.fileHashes).find(([path, hash]) => hashes[path] !== hash);
    if (plan.release === null && moved !== undefined)
      return fail(`${moved[0]} has changed since the plan: nothing was touched, ask again`, deployer.clock.now());
    const undumped = await dumpDatabases(run);
    if (undumped !== undefined) return undumped;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (isEngineAway(error) || !/^(?:ENOSPC|EDQUOT|EACCES|EROFS|EIO|ENOENT)$/.test(code)) throw error;
    return fail(
      `the backup could not be written (${code}): nothing was touched; mend OPS_HOME (space, rights) and ask again`,
      deployer.clock.now(),
    );
  }
  for (const { service, old, imageId } of plan.services) {
    for (const id of new Set([...old.map((container) => container.imageId), ...(imageId ? [imageId] : [])]))
      await engine.tag(id, ...keepTag(plan.project, service, id));
  }
  const refused = await runHooks(run, 'pre_deploy');
  if (refused !== undefined) {
    const findings = [{ code: 'hook-failed', where: 'pre-deploy hook', found: refused.slice(0, 500), expected: 'exit code 0' }];
    return { kind: 'end', verdict: 'blocked', reason: refused, findings };
  }
  const release = await currentRelease(deployer.database, request.folder);
  const back =
    release === undefined
      ? 'no release is known: containers and images are kept, files are not'
      : `back to ${release.release_id}`;
  const dumped = (run.deployment.facts.dumps ?? []).map(({ name, bytes }) => `; ${name} dumped and read back, ${bytes} bytes`);
  return { kind: 'done', detail: `${back}${dumped.join('')}`, change: { facts: { ...run.deployment.facts, snapshot: folder } } };
}

// Services that are not deployed now go on as they were released, whatever the files say of them by now.
async function modelOfRelease(run: Run): Promise<ComposeModel> {
  const model = await plannedModel(run);
  const plan = planOf(run);
  const release = await currentRelease(run.deployer.database, plan.folder);
  const before = release === undefined ? undefined : await snapshotModel(release.snapshot).catch(() => undefined);
  const deployed = new Set(plan.services.map(({ service }) => service));
  const services = Object.entries(model.services).map(([name, service]) => [
    name,
    deployed.has(name) ? service : (before?.services[name] ?? service),
  ]);
  return { ...model, services: Object.fromEntries(services) };
}
