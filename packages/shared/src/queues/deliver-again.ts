import { z } from 'zod';
import { keys, type OpsEvent, STREAM_NAMES } from '../events/index.js';
import type { RedisClient, RunnerOptions } from '../streams/index.js';
import { defineJob, type JobHandler, onJob } from './catalog.js';
import type { Queues } from './queues.js';

// For hours, if need be: what the stream refuses (a missing right) a person mends.
const ATTEMPTS = 15;

const STREAM = z.enum(STREAM_NAMES);

const deliverAgain = defineJob({
  name: 'deliver-again',
  schema: z.object({ stream: STREAM, group: z.string(), entry: z.string(), event: z.string() }),
  attempts: ATTEMPTS,
  backoffMs: 1000,
  // One job a delivery: an event that comes back and is put off once more comes with another entry, and while its old job
  // is not removed yet, one of the same id would be no job at all.
  purpose: ({ stream, group, entry, event }) => {
    const { source, id } = JSON.parse(event) as OpsEvent;
    return [stream, group, entry, source, id].join('\n');
  },
});

/** Puts events of a stream off for a group: resolves when the queue has taken it, and it survives a restart. */
export function deferring(queues: Pick<Queues, 'add'>, stream: string, group: string): NonNullable<RunnerOptions['defer']> {
  const known = STREAM.parse(stream);
  return (event, delayMs, entry) =>
    queues.add(deliverAgain, { stream: known, group, entry, event: JSON.stringify(event) }, delayMs);
}

/** Brings them back, each to its own group: a job that is done twice writes an entry twice, and the second one is absorbed. */
export function onDeliverAgain(redis: RedisClient): JobHandler {
  return onJob(deliverAgain, async ({ stream, group, event }) => {
    await redis.xadd(stream, '*', 'event', event, keys.onlyField, group);
    return [];
  });
}
