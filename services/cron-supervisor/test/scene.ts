import type { EventData, EventType } from '@ops/shared/events';
import { type Recorder, recorder, type TestHost, testHost } from '@ops/shared/testing';
import { cronSupervisor } from '../src/index.js';

const INVENTORY = 'inventory: { services: [{ name: thing, health: { tcp: { port: 1 } }, paused: true }] }';

/** A supervisor on real servers, with what it says, and its HTTP interface. */
export interface Scene {
  readonly host: TestHost;
  readonly seen: Recorder;
  /** Data of the events of a type, in the order in which they were said; of one job where it is given. */
  of<T extends EventType>(type: T, jobId?: string): EventData<T>[];
  call(method: string, path: string, body?: string | object): Promise<{ status: number; body: Record<string, unknown> }>;
  close(): Promise<void>;
}

/** @param cron the `cron` part of ops.yaml, as YAML of one line */
export async function scene(cron: string, options: Omit<Parameters<typeof testHost>[1], 'yaml'> = {}): Promise<Scene> {
  const host = await testHost([cronSupervisor], { yaml: `${INVENTORY}\ncron: ${cron}`, ...options });
  const seen = await recorder(host.redisUrl, ['ops:cron', 'ops:alerts']);
  return {
    host,
    seen,
    of: (type, jobId) =>
      seen.events.flatMap(({ event }) => {
        if (event?.type !== type) return [];
        const data = event.data as EventData<typeof type>;
        return jobId === undefined || (data as { job_id?: string }).job_id === jobId ? [data] : [];
      }),
    async call(method, path, body) {
      const text = typeof body === 'object' ? JSON.stringify(body) : body;
      const response = await fetch(new URL(path, host.hosted.address), {
        method,
        headers: {
          authorization: `Bearer ${host.token}`,
          'content-type': typeof body === 'object' ? 'application/json' : 'text/plain',
        },
        ...(text === undefined ? {} : { body: text }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
    async close() {
      await seen.close();
      await host.close();
    },
  };
}
