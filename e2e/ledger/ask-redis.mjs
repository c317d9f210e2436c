import { setTimeout as wait } from 'node:timers/promises';
import { Redis } from 'ioredis';

/** Asks the server itself, over a connection of its own. Rejects when it does not answer at once. */
export async function askRedis(url, use, answerMs = 1000) {
  const redis = new Redis(url, { retryStrategy: () => null, connectTimeout: answerMs, commandTimeout: answerMs });
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}

/** The same, again and again until it answers. */
export async function insistRedis(url, use, signal) {
  for (;;) {
    try {
      return await askRedis(url, use);
    } catch (error) {
      if (signal.aborted) throw error;
      await wait(200);
    }
  }
}
