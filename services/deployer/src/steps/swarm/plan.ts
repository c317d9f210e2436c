import { createHash } from 'node:crypto';
import { DockerCommandError } from '../../act/docker-command.js';
import { Swarm } from '../../act/swarm.js';
import type { ComposeModel } from '../../compose-model.js';
import { isOneShot } from '../../decide/plan.js';
import { finding } from '../../decide/request.js';
import { stackFile, stackFindings, stackText } from '../../decide/swarm/stack-file.js';
import type { Finding, ReleaseFacts } from '../../deployment-types.js';
import type { ImageFacts } from '../../engine-facts.js';
import { type Run, requestOf } from '../step.js';

interface ProjectFacts {
  readonly model: ComposeModel;
  readonly images: Readonly<Record<string, ImageFacts | undefined>>;
  readonly filesOf: Readonly<Record<string, readonly string[]>>;
  readonly fileHashes: Readonly<Record<string, string>>;
  readonly current: ReleaseFacts | undefined;
  readonly inventory: Readonly<Record<string, { readonly name: string; readonly twoVersions: boolean }>>;
}

/** What a plan for a Swarm needs besides: hashes of services, and what their nodes are told to run. */
export async function swarmPlanFacts(
  run: Run,
  facts: ProjectFacts,
): Promise<
  | { readonly hashes: Readonly<Record<string, string>>; readonly pins: Readonly<Record<string, string>> }
  | { readonly findings: readonly Finding[] }
> {
  const { model, images, filesOf, fileHashes } = facts;
  const { manages, nodes } = await new Swarm(run.engine).state();
  if (!manages)
    return { findings: [finding('no-swarm', 'the engine', 'no manager of a Swarm', 'a manager (`docker swarm init`)')] };
  const { services, folder } = requestOf(run);
  const names = (services.length > 0 ? services : Object.keys(model.services)).filter(
    (name) => model.services[name] !== undefined,
  );
  const findings = stackFindings(model, names);
  const pins: Record<string, string> = {};
  for (const [image, found] of Object.entries(images)) {
    if (found === undefined) continue;
    const [distributed] = found.digests;
    // An image id is the one name under which a node asks no registry; other nodes can only fetch a digest.
    if (nodes > 1 && distributed === undefined)
      findings.push(
        finding(
          'image-not-distributed',
          image,
          'only on this node',
          `an image that ${nodes} nodes can fetch: pushed to a registry`,
        ),
      );
    pins[image] = nodes > 1 ? (distributed ?? found.id) : found.id;
  }
  const hashes: Record<string, string> = {};
  for (const name of Object.keys(model.services)) {
    const files = Object.fromEntries((filesOf[name] ?? []).map((path) => [path, fileHashes[path] ?? '']));
    const text = stackText(model, name, { oneShot: isOneShot(model, name, facts), files });
    hashes[name] = createHash('sha256').update(text).digest('hex');
  }
  const stack = names.map((service) => ({
    service,
    image: 'checked:1',
    oneShot: isOneShot(model, service, facts),
    configHash: hashes[service] ?? '',
  }));
  try {
    if (findings.length === 0) await run.deployer.stack.check(folder, stackFile(model, stack, fileHashes));
  } catch (error) {
    if (!(error instanceof DockerCommandError)) throw error;
    findings.push(finding('stack-invalid', folder, run.redactor.text(error.output), 'files that `docker stack deploy` accepts'));
  }
  return findings.length > 0 ? { findings } : { hashes, pins };
}
