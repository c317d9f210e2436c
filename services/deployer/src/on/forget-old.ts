import { removeSnapshot } from '../act/snapshot.js';
import { foldersOfEnded, forgetFolder } from '../state/deployments.js';
import { dropRelease, listReleases } from '../state/releases.js';
import { KEPT_IMAGES } from '../steps/images.js';
import { planOf, type Run } from '../steps/step.js';

/**
 * After a success: releases past `deploy.keep`, the files of deployments that are no release, and the tags of images that neither a
 * kept release nor a container needs. What stays whatever its age: every kept release, and the means of a deployment whose way back
 * has failed, since they are a person's to use. As many of the latest others stay, to be looked at. Can be done again.
 */
export async function forgetOld(run: Run): Promise<void> {
  try {
    await forget(run);
  } catch (error) {
    // It has succeeded all the same; the next one tidies up.
    if (run.signal.aborted) throw error;
    run.deployer.log.warn({ deployment: run.deployment.deployment_id, error }, 'what is old could not be removed');
  }
}

async function forget(run: Run): Promise<void> {
  const { deployer, deployment, engine, lease } = run;
  const { database, config } = deployer;
  // All of it as of one moment in which the project was ours: a deployer that was frozen must not take what another released since.
  const chosen = await database.transaction().execute(async (transaction) => {
    if (!(await lease.isOursIn(transaction))) return undefined;
    const releases = await listReleases(transaction, deployment.folder);
    // So many besides the one that runs.
    const kept = releases.filter(({ current }, index) => current || index <= config.deploy.keep);
    const keptIds = new Set(kept.map(({ release_id }) => release_id));
    const dropped = releases.filter(({ release_id }) => !keptIds.has(release_id));
    for (const { release_id } of dropped) await dropRelease(transaction, release_id);
    const ended = (await foldersOfEnded(transaction, deployment.folder)).filter((one) => !keptIds.has(one.deployment_id));
    const others = ended.filter(({ verdict }) => verdict !== 'succeeded').slice(config.deploy.keep);
    return { kept, dropped, unneeded: [...ended.filter(({ verdict }) => verdict === 'succeeded'), ...others] };
  });
  if (chosen === undefined) return;
  for (const { snapshot } of chosen.dropped) await removeSnapshot(snapshot);
  for (const { deployment_id, files } of chosen.unneeded) {
    await removeSnapshot(files);
    await forgetFolder(database, deployment_id);
  }
  const { project } = planOf(run);
  const needed = new Set(chosen.kept.flatMap(({ facts }) => Object.values(facts.services).map(({ imageId }) => imageId)));
  for (const { imageId } of await engine.containers(project)) needed.add(imageId);
  for (const { id, name } of await engine.imagesNamed(`${KEPT_IMAGES}/${project}/*`))
    if (!needed.has(id)) await engine.untag(name);
}
