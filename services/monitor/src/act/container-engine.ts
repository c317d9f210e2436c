import { dockerAddress } from '@ops/shared/runtime';
import Docker from 'dockerode';

/** What ends containers. Every call rejects where the engine does not answer in time, or refuses. */
export interface ContainerEngine {
  signal(id: string, signal: 'SIGTERM' | 'SIGKILL', withinMs: number): Promise<void>;
  /** Stops it at once and for good: no restart policy brings back what was stopped. */
  stop(id: string, withinMs: number): Promise<void>;
}

/** The engine of a DOCKER_HOST; undefined where there is none, or where its address has a form that is not known. */
export function containerEngine(host: string | undefined | null): ContainerEngine | undefined {
  const address = host === null ? undefined : dockerAddress(host);
  if (address === undefined) return undefined;
  const docker = new Docker(address);
  return {
    signal: async (id, signal, withinMs) => {
      await docker.getContainer(id).kill({ signal, abortSignal: AbortSignal.timeout(withinMs) });
    },
    stop: async (id, withinMs) => {
      try {
        await docker.getContainer(id).stop({ t: 0, abortSignal: AbortSignal.timeout(withinMs) });
      } catch (error) {
        // 304: it has stopped already.
        if (!(error instanceof Error && 'statusCode' in error && error.statusCode === 304)) throw error;
      }
    },
  };
}
