import { join } from 'node:path';
import { projectFiles } from '../act/project-files.js';
import { takeSnapshot } from '../act/snapshot.js';
import { currentRelease } from '../state/releases.js';
import { keepTag } from './images.js';
import { fail, folderOf, heldAtGate, plannedModel, planOf, type Run, requestOf, type StepResult } from './step.js';

/** 5. Everything that the way back needs, on disk and read again, before the first container is touched. */
export async function backup(run: Run): Promise<StepResult> {
  const { deployer, deployment, engine } = run;
  const held = await heldAtGate(run, 'backup');
  if (held.kind !== 'open') return held;
  const plan = planOf(run);
  const request = requestOf(run);
  const folder = join(folderOf(deployer.home, deployment.deployment_id), 'snapshot');
  try {
    const model = await plannedModel(run);
    const files = await projectFiles(request.folder, plan.files, model, request.configFiles);
    const inspected = await Promise.all(
      plan.services.flatMap(({ old }) => old.map(({ id }) => engine.docker.getContainer(id).inspect())),
    );
    await takeSnapshot(folder, { files: files.paths, model, inspected });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (!/^(?:ENOSPC|EDQUOT|EACCES|EROFS|EIO|ENOENT)$/.test(code)) throw error;
    return fail(`the backup could not be written (${code}): nothing was touched`, deployer.clock.now());
  }
  for (const { service, old, imageId } of plan.services) {
    for (const id of new Set([...old.map((container) => container.imageId), ...(imageId ? [imageId] : [])]))
      await engine.tag(id, ...keepTag(plan.project, service, id));
  }
  const release = await currentRelease(deployer.database, request.folder);
  const back =
    release === undefined
      ? 'no release is known: containers and images are kept, files are not'
      : `back to ${release.release_id}`;
  return { kind: 'done', detail: back, change: { facts: { ...deployment.facts, snapshot: folder } } };
}
