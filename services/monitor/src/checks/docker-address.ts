import type { DockerOptions } from 'dockerode';

const DEFAULT_SOCKET = '/var/run/docker.sock';

/** How dockerode reaches the engine of a DOCKER_HOST; undefined for a form that it does not know (ssh). */
export function dockerAddress(host: string | undefined): DockerOptions | undefined {
  if (host === undefined) return { socketPath: DEFAULT_SOCKET };
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.+)$/.exec(host) ?? [];
  if (scheme === 'unix' || scheme === 'npipe') return { socketPath: rest };
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') return undefined;
  const url = new URL(`${scheme === 'https' ? 'https' : 'http'}://${rest}`);
  const protocol = scheme === 'https' ? 'https' : 'http';
  return { host: url.hostname, port: url.port === '' ? 2375 : Number(url.port), protocol };
}
