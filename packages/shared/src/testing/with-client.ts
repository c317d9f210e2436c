import { Redis } from 'ioredis';

/** Asks a Redis over a connection of its own, which is closed then. Rejects where the server does not answer. */
export async function withClient<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
