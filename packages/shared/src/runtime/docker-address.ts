/** How an engine is reached, in dockerode's words. */
export type DockerAddress =
  | { readonly socketPath: string }
  | { readonly host: string; readonly port: number; readonly protocol: 'http' | 'https' };

const DEFAULT_SOCKET = '/var/run/docker.sock';

/** How dockerode reaches the engine of a DOCKER_HOST; undefined for a form that it does not know (ssh). */
export function dockerAddress(host: string | undefined): DockerAddress | undefined {
  if (host === undefined) return { socketPath: DEFAULT_SOCKET };
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.+)$/.exec(host) ?? [];
  if (scheme === 'unix' || scheme === 'npipe') return { socketPath: rest };
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') return undefined;
  const secure = scheme === 'https';
  const { hostname, port } = new URL(`http://${rest}`);
  return { host: hostname, port: port === '' ? (secure ? 2376 : 2375) : Number(port), protocol: secure ? 'https' : 'http' };
}
