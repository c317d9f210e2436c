import type { ComposeModel, ComposeService } from '../../compose-model.js';
import type { Finding } from '../../deployment-types.js';
import { canonical } from '../canonical.js';
import { finding } from '../request.js';

/** On the containers of every service that we deploy to a Swarm: what they were started from. */
export const HASH_LABEL = 'ops-automation.config-hash';

/** A service as it is to run in a Swarm. */
export interface StackService {
  readonly service: string;
  /** What the nodes run, exactly: an image id, or a reference with a digest. */
  readonly image: string;
  readonly oneShot: boolean;
  readonly configHash: string;
}

// Of Compose; `docker stack deploy` refuses them or takes no notice.
const NOT_OF_A_STACK: ReadonlySet<string> = new Set([
  'build',
  'container_name',
  'pull_policy',
  'restart',
  'scale',
  'profiles',
  'develop',
]);

/**
 * The file for `docker stack deploy` (schema 3.x, which Docker's command line still asks for) of these services of a rendered
 * project. Swarm decides nothing by itself: where an update fails it stops, and the verdict is ours.
 * @param storedFiles path → where its content is kept
 */
export function stackFile(
  model: ComposeModel,
  services: readonly StackService[],
  fileHashes: Readonly<Record<string, string>>,
  storedFiles: Readonly<Record<string, string>> = {},
) {
  return {
    version: '3.9',
    services: Object.fromEntries(
      services.map(({ service, image, oneShot, configHash }) => {
        const body = serviceBody(model, service, oneShot);
        return [service, { ...body, image, labels: { ...(body.labels as object | undefined), [HASH_LABEL]: configHash } }];
      }),
    ),
    ...(model.networks == null ? {} : { networks: model.networks }),
    ...(model.volumes == null ? {} : { volumes: model.volumes }),
    ...versioned(model, 'configs', fileHashes, storedFiles),
    ...versioned(model, 'secrets', fileHashes, storedFiles),
  };
}

/**
 * What a service of a stack is, as one text to be hashed: its own body, and the content of the files that it reads. Its image is
 * compared by its id.
 */
export function stackText(
  model: ComposeModel,
  service: string,
  { oneShot, files }: { readonly oneShot: boolean; readonly files: Readonly<Record<string, string>> },
): string {
  return canonical({ body: serviceBody(model, service, oneShot), files });
}

/** Why a project cannot run in this Swarm as its files say. */
export function stackFindings(model: ComposeModel, services: readonly string[]): Finding[] {
  return services.flatMap((name) => {
    const service = model.services[name];
    const addresses = (service?.ports ?? []).filter(
      ({ host_ip }) => host_ip !== undefined && host_ip !== '' && host_ip !== '0.0.0.0',
    );
    const mode = (service?.deploy as { mode?: string } | null | undefined)?.mode;
    return [
      // It would take no notice, and a port that was meant for loopback would be open to the world.
      ...addresses.map(({ host_ip, published }) =>
        finding(
          'not-in-a-swarm',
          `${name}: port`,
          `${host_ip}:${published ?? ''}`,
          'a port without an address: a Swarm publishes on all of them',
        ),
      ),
      ...(mode === undefined || mode === 'replicated'
        ? []
        : [finding('not-in-a-swarm', `${name}: deploy.mode`, mode, 'replicated')]),
    ];
  });
}

function serviceBody(model: ComposeModel, name: string, oneShot: boolean): Record<string, unknown> {
  const service = model.services[name] as ComposeService;
  const kept = Object.entries(service).filter(([key, value]) => value !== null && !NOT_OF_A_STACK.has(key));
  const { image: _pinned, depends_on, ports, deploy, ...rest } = Object.fromEntries(kept) as ComposeService;
  const given = (deploy ?? {}) as { restart_policy?: object; update_config?: object };
  return {
    ...rest,
    ...(depends_on === undefined ? {} : { depends_on: Object.keys(depends_on).sort() }),
    ...(ports === undefined
      ? {}
      : {
          ports: ports.map(({ host_ip: _all, published, ...port }) => ({
            ...port,
            ...(published ? { published: Number(published) } : {}),
          })),
        }),
    deploy: {
      ...(service.scale === undefined ? {} : { replicas: service.scale }),
      ...given,
      // A task that has done its work is not started again; neither is one that has failed at it.
      ...(oneShot ? { restart_policy: { condition: 'none' } } : {}),
      update_config: { ...given.update_config, failure_action: 'pause' },
    },
  };
}

// A config or secret of a Swarm never changes: other content is another one, and the version before keeps its own.
function versioned(
  model: ComposeModel,
  kind: 'configs' | 'secrets',
  fileHashes: Readonly<Record<string, string>>,
  storedFiles: Readonly<Record<string, string>>,
) {
  const all = model[kind];
  if (all == null) return {};
  const named = Object.entries(all).map(([key, source]) => {
    const { name, file, ...rest } = source as { name?: string; file?: string };
    const hash = file === undefined ? undefined : fileHashes[file];
    if (file === undefined || hash === undefined) return [key, source];
    // The copy that was kept: the file itself may be another by now, and would be taken for this one for ever.
    return [key, { ...rest, file: storedFiles[file] ?? file, name: `${name ?? `${model.name}_${key}`}_${hash.slice(0, 12)}` }];
  });
  return { [kind]: Object.fromEntries(named) };
}
