import { execa } from 'execa';
import { docker } from './engine.js';

/** What Docker tells of a service's specification. */
export interface ServiceSpec {
  readonly Name: string;
  readonly TaskTemplate: { readonly ContainerSpec: { readonly Image: string; readonly Env?: readonly string[] } };
}

/** Makes the engine of the tests a Swarm of one node. */
export async function beginSwarm(): Promise<void> {
  await docker('swarm', 'init', '--advertise-addr', '127.0.0.1');
}

/** Ends it, with all its services. */
export async function endSwarm(): Promise<void> {
  await docker('swarm', 'leave', '--force');
  // Swarm's own network stays behind otherwise.
  await execa('docker', ['network', 'rm', 'docker_gwbridge'], { reject: false });
}

/** The specification of every service of a stack, by its name in the Compose file. */
export async function specsOf(stack: string): Promise<Record<string, ServiceSpec>> {
  const filter = `label=com.docker.stack.namespace=${stack}`;
  const ids = (await docker('service', 'ls', '--quiet', '--filter', filter)).split('\n').filter(Boolean);
  if (ids.length === 0) return {};
  const found = JSON.parse(await docker('service', 'inspect', ...ids)) as { Spec: ServiceSpec }[];
  return Object.fromEntries(found.map(({ Spec }) => [Spec.Name.replace(`${stack}_`, ''), Spec]));
}

/** A service of a stack that answers on a port of the host, is checked, and ends quickly. */
export function swarmWeb(image: string | undefined, port: number, more: object = {}): object {
  return {
    image,
    ports: [{ target: 8080, published: String(port), mode: 'host' }],
    stop_grace_period: '2s',
    healthcheck: {
      test: ['CMD', 'wget', '-q', '-O', '-', 'http://127.0.0.1:8080/health'],
      interval: '300ms',
      timeout: '1s',
      retries: 3,
    },
    deploy: { restart_policy: { condition: 'any', delay: '500ms' } },
    ...more,
  };
}
