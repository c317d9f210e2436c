import { Redis } from 'ioredis';

/** One entry of a stream as it lies in Redis. */
export interface Recorded {
  stream: string;
  id: string;
  fields: Record<string, string>;
  /** The field `event` as JSON; undefined when there is none or it is no JSON. */
  event: Record<string, unknown> | undefined;
}

export interface Recorder {
  /** Everything seen so far, in the order of arrival. */
  events: readonly Recorded[];
  /** Resolves with the first entry that fits, seen already or to come; throws after `within` ms (default 10,000), naming what was seen. */
  waitFor(fits: (entry: Recorded) => boolean, options?: { within?: number }): Promise<Recorded>;
  close(): Promise<void>;
}

/** Records every entry of these streams, from their beginning on, over a connection of its own. It survives a Redis that goes away for a while. */
export async function recorder(redisUrl: string, streams: readonly string[]): Promise<Recorder> {
  const redis = new Redis(redisUrl, { connectionName: 'test-recorder', maxRetriesPerRequest: null, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  const events: Recorded[] = [];
  const waiting = new Set<() => void>();
  const position = new Map(streams.map((stream) => [stream, '0-0']));
  let closed = false;

  const tail = async (): Promise<void> => {
    while (!closed) {
      const found = await redis.xread('BLOCK', 500, 'STREAMS', ...position.keys(), ...position.values()).catch(() => null);
      for (const [stream, entries] of found ?? []) {
        for (const [id, flat] of entries) {
          position.set(stream, id);
          events.push(decode(stream, id, flat));
        }
      }
      if (found !== null) for (const look of waiting) look();
    }
  };
  await redis.ping();
  const tailing = tail();

  return {
    events,
    waitFor: (fits, { within = 10_000 } = {}) =>
      new Promise((resolve, reject) => {
        const end = (settle: () => void) => {
          clearTimeout(timer);
          waiting.delete(look);
          settle();
        };
        const look = () => {
          const found = events.find(fits);
          if (found !== undefined) end(() => resolve(found));
        };
        const timer = setTimeout(
          () => end(() => reject(new Error(`no fitting entry within ${within} ms; seen:\n${listed(events)}`))),
          within,
        );
        waiting.add(look);
        look();
      }),
    close: async () => {
      closed = true;
      redis.disconnect();
      await tailing;
    },
  };
}

function decode(stream: string, id: string, flat: readonly string[]): Recorded {
  const fields: Record<string, string> = {};
  for (let i = 0; i < flat.length; i += 2) fields[flat[i] ?? ''] = flat[i + 1] ?? '';
  let event: Recorded['event'];
  try {
    event = JSON.parse(fields.event ?? '') as Record<string, unknown>;
  } catch {
    event = undefined;
  }
  return { stream, id, fields, event };
}

function listed(events: readonly Recorded[]): string {
  const lines = events.slice(-30).map(({ stream, id, fields, event }) => {
    const what =
      event === undefined ? JSON.stringify(fields) : `${event.type} ${event.subject ?? ''} ${JSON.stringify(event.data)}`;
    return `  ${stream} ${id} ${what.slice(0, 200)}`;
  });
  const before = events.length - lines.length;
  return `${before > 0 ? `  (${before} earlier)\n` : ''}${lines.join('\n') || '  (nothing)'}`;
}
