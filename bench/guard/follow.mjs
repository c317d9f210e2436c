import { openBlockingClient } from '../../packages/shared/dist/streams/index.js';
import { now } from './clock.mjs';

/**
 * Follows streams from where they end now, by a blocking read. `take` gets each entry: its stream, its id, its fields, and the time at
 * which it reached this process.
 * @returns how to end it
 */
export async function followStreams(redisUrl, streams, take) {
  const client = openBlockingClient(redisUrl, 'ops-bench');
  await client.connect();
  // `$` is where a stream ends when each read begins: from here on a number.
  const ids = [];
  for (const stream of streams) ids.push((await client.xrevrange(stream, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0-0');
  let open = true;
  const read = async () => {
    while (open) {
      const answer = await client.xread('COUNT', 500, 'BLOCK', 500, 'STREAMS', ...streams, ...ids).catch(() => null);
      const at = now();
      for (const [stream, entries] of answer ?? []) {
        for (const [id, fields] of entries) {
          ids[streams.indexOf(stream)] = id;
          take({ stream, id, fields, at });
        }
      }
    }
  };
  const reading = read();
  return async () => {
    open = false;
    await reading;
    client.disconnect();
  };
}

/** The event of an entry. */
export const eventOf = (fields) => JSON.parse(fields[fields.indexOf('event') + 1]);
