import type { EventData, EventType, Level } from '@ops/shared/events';
import { type Recorder, recorder } from '@ops/shared/testing';
import { type RunningInstance, startInstance } from '../instance.js';

const STREAMS = ['ops:guard', 'ops:alerts', 'ops:directives', 'ops:incidents', 'ops:status'];

/** An instance with a recorder on all of its streams. */
export interface Scene {
  readonly instance: RunningInstance;
  readonly seen: Recorder;
  /** The data of every event of a type so far. */
  all<T extends EventType>(type: T): EventData<T>[];
  /** Waits for the change to a level. */
  level(level: Level, within?: number): Promise<EventData<'guard.level-changed'>>;
  close(): Promise<number | undefined>;
}

export async function openScene(yaml: string): Promise<Scene> {
  const instance = await startInstance({ yaml });
  const seen = await recorder(instance.redisUrl, STREAMS);
  return {
    instance,
    seen,
    all: <T extends EventType>(type: T) =>
      seen.events.flatMap(({ event }) => (event?.type === type ? [event.data as EventData<T>] : [])),
    async level(level, within = 30_000) {
      const found = await seen.waitFor(
        ({ event }) => event?.type === 'guard.level-changed' && (event.data as { level: string }).level === level,
        { within },
      );
      return found.event?.data as EventData<'guard.level-changed'>;
    },
    async close() {
      await seen.close();
      return instance.stop();
    },
  };
}
