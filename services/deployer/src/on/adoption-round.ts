import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { isDeadHolder, ownHolder } from '../act/holder.js';
import { composeFilesIn, projectFiles } from '../act/project-files.js';
import { removeSnapshot, takeSnapshot } from '../act/snapshot.js';
import { isAsReleased } from '../decide/drift.js';
import { projectFolders } from '../decide/project-folders.js';
import { isSetAside } from '../decide/set-aside.js';
import type { Deployer } from '../deployer.js';
import { ProjectLease } from '../state/leases.js';
import { addRelease, currentRelease } from '../state/releases.js';
import { keepTag } from '../steps/images.js';

const EVERY_MS = 60_000;

/**
 * Takes what runs already, and runs as its files say, as the release that one can go back to: the first deployment of a project has a
 * way back for files too. What runs otherwise is not adopted: nobody knows the files that it came from.
 */
export async function adoptionRound(deployer: Deployer): Promise<number> {
  const { config, database, clock, log } = deployer;
  const folders = projectFolders(config.inventory.services);
  for (const folder of folders) {
    if ((await currentRelease(database, folder)) !== undefined) continue;
    const lease = await ProjectLease.take(database, folder, ownHolder(deployer.host), {
      monotonic: () => clock.monotonic(),
      isDead: isDeadHolder,
    });
    if (lease === undefined) continue;
    try {
      await adopt(deployer, folder, lease);
    } catch (error) {
      log.debug({ folder, error }, 'a project could not be adopted');
    } finally {
      await lease.release().catch(() => undefined);
    }
  }
  return EVERY_MS;
}

async function adopt(deployer: Deployer, folder: string, lease: ProjectLease): Promise<void> {
  const { compose, engine, database, clock, home, log } = deployer;
  const files = await composeFilesIn(folder);
  if (files.length === 0) return;
  const { model, hashes } = await compose.render({ folder, files });
  const containers = (await engine.containers(model.name)).filter((container) => !isSetAside(container));
  if (containers.length === 0 || !isAsReleased(containers, Object.keys(model.services), hashes)) return;
  const release_id = `adopted-${createHash('sha256').update(folder).digest('hex').slice(0, 12)}`;
  // A place of this holder's own: one that was frozen must not touch what another has adopted meanwhile.
  const snapshot = join(home, 'deployments', release_id, `snapshot-${lease.fence}`);
  const take = async (): Promise<boolean> => {
    const { paths } = await projectFiles(folder, files, model, []);
    const fileHashes = await takeSnapshot(snapshot, { files: paths, model, inspected: [] });
    for (const { service, imageId } of containers) await engine.tag(imageId, ...keepTag(model.name, service, imageId));
    const services = Object.fromEntries(
      containers.map(({ service, imageId, configHash, running }) => [
        service,
        { image: model.services[service]?.image ?? `${model.name}-${service}`, imageId, configHash, running },
      ]),
    );
    const facts = { project: model.name, files, services, fileHashes, overrides: {} };
    return database.transaction().execute(async (transaction) => {
      // Still ours, and still without a release: somebody may have deployed while we were frozen.
      if (!(await lease.isOursIn(transaction)) || (await currentRelease(transaction, folder)) !== undefined) return false;
      await addRelease(transaction, { release_id, folder, at: new Date(clock.now()), snapshot, facts });
      return true;
    });
  };
  let adopted = false;
  try {
    adopted = await take();
  } finally {
    if (!adopted) await removeSnapshot(snapshot);
  }
  if (!adopted) return;
  log.info({ folder, release: release_id }, 'adopted: what runs is the release to go back to');
}
