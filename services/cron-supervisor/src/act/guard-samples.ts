import { STREAMS } from '@ops/shared/events';
import type { RedisClient } from '@ops/shared/streams';

const MOST_ENTRIES = 2000;
const MOST_SAMPLES = 20;

/** What the guard saw in a time (epoch ms): guard.sampled, at most 20, spread over it. Rejects where Redis is away. */
export async function guardSamples(redis: RedisClient, from: number, to: number): Promise<Record<string, unknown>[]> {
  const entries = await redis.xrevrange(STREAMS.guard, String(to), String(from), 'COUNT', MOST_ENTRIES);
  const samples = entries.flatMap(([, fields]) => {
    const text = fields[fields.indexOf('event') + 1];
    const parsed: unknown = text === undefined ? undefined : safely(text);
    return isSample(parsed) ? [{ at: parsed.time, level: parsed.data.level, ...parsed.data.readings }] : [];
  });
  const step = Math.max(1, Math.ceil(samples.length / MOST_SAMPLES));
  return samples.filter((_sample, index) => index % step === 0).toReversed();
}

function safely(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

interface Sample {
  readonly type: 'guard.sampled';
  readonly time: string;
  readonly data: { readonly level: string; readonly readings: Record<string, unknown> };
}

function isSample(value: unknown): value is Sample {
  return typeof value === 'object' && value !== null && 'type' in value && value.type === 'guard.sampled' && 'data' in value;
}
