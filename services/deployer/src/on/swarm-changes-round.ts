import { dockerClients } from '../act/docker-clients.js';
import { Swarm } from '../act/swarm.js';
import { projectFolders } from '../decide/project-folders.js';
import type { Deployer } from '../deployer.js';
import { currentRelease } from '../state/releases.js';
import { isByDeployment, sayChange } from './say-change.js';

const AGAIN_MS = 1000;

/** Sees every change to a service of a stack of ours that the deployer has not made. Listens for the life of one connection. */
export async function swarmChangesRound(deployer: Deployer, signal: AbortSignal): Promise<number> {
  const { engine, config } = deployer;
  const folders = projectFolders(config.inventory.services);
  if (folders.size === 0 || !config.docker.enabled) return 3_600_000;
  for await (const { id, name, done, at } of await new Swarm(engine).changes(signal)) {
    const stack = await stackOf(deployer, folders, name);
    if (stack === undefined || (await isByDeployment(deployer, stack.folder, name))) continue;
    const service = name.slice(stack.project.length + 1);
    await sayChange(deployer, {
      id,
      thing: `service ${name}`,
      folder: stack.folder,
      service,
      at,
      done,
      who: await dockerClients(),
    });
  }
  return AGAIN_MS;
}

// Events of services have no labels: a stack is known by what its services are called.
async function stackOf(
  { database }: Deployer,
  folders: ReadonlySet<string>,
  name: string,
): Promise<{ readonly folder: string; readonly project: string } | undefined> {
  for (const folder of folders) {
    const release = await currentRelease(database, folder);
    const project = release?.facts.project ?? '';
    if (release?.facts.orchestrator === 'swarm' && name.startsWith(`${project}_`)) return { folder, project };
  }
  return undefined;
}
