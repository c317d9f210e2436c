import { join } from 'node:path';
import { projectFiles, readByItself } from '../act/project-files.js';
import { restoreFiles, takeSnapshot } from '../act/snapshot.js';
import { listReleases } from '../state/releases.js';
import { folderOf, plannedModel, planOf, type Run, requestOf } from './step.js';

/** Puts files and image names of a release back. Containers are the caller's. Returns the files that were changed. */
export async function restoreRelease(run: Run, releaseId: string): Promise<readonly string[]> {
  const { deployer, deployment, engine } = run;
  const releases = await listReleases(deployer.database, planOf(run).folder);
  const release = releases.find(({ release_id }) => release_id === releaseId);
  if (release === undefined) throw new Error(`release ${releaseId} is not kept any more`);
  const changed = await restoreFiles(release.snapshot, deployment.facts.snapshot, readByItself(release.folder));
  for (const { image, imageId } of Object.values(release.facts.services)) {
    if ((await engine.image(image))?.id === imageId || (await engine.image(imageId)) === undefined) continue;
    const { repository, tag } = nameParts(image);
    // A reference with a digest names one image for ever: there is nothing to point elsewhere.
    if (tag !== undefined) await engine.tag(imageId, repository, tag);
  }
  return changed;
}

/** Of a rollback that was asked for: the files of that release in their places, and a snapshot of them as this deployment's own. */
export async function bringFilesBack(run: Run, releaseId: string): Promise<void> {
  const { deployment, journal } = run;
  await restoreRelease(run, releaseId);
  const request = requestOf(run);
  const model = await plannedModel(run);
  const files = await projectFiles(request.folder, planOf(run).files, model, request.configFiles);
  const snapshot = join(folderOf(run), 'snapshot');
  await takeSnapshot(snapshot, { files: files.paths, model, inspected: [] });
  run.deployment = await journal.note({ facts: { ...deployment.facts, snapshot } });
}

function nameParts(image: string): { repository: string; tag: string | undefined } {
  if (image.includes('@')) return { repository: image, tag: undefined };
  const slash = image.lastIndexOf('/');
  const colon = image.indexOf(':', slash + 1);
  return colon < 0 ? { repository: image, tag: 'latest' } : { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}
