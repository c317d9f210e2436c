import type { RedisClient } from '@ops/shared/streams';
import { sql } from 'kysely';
import type { Database } from './tables.js';

/** A server that we work with, by the address that it has where it runs: in a container, that container's. */
export interface OwnServer {
  readonly name: string;
  readonly address: string;
}

/** The Redis and PostgreSQL that answer us now. One that does not tell its address is left out. */
export async function ownServers(redis: RedisClient, database: Database): Promise<readonly OwnServer[]> {
  const [row] = (await sql<{ address: string | null }>`select host(inet_server_addr()) as address`.execute(database)).rows;
  const client = String(await redis.call('CLIENT', 'INFO').catch(() => ''));
  const redisAddress = /(?:^| )laddr=(\S+):\d+(?: |$)/.exec(client)?.[1];
  return [
    { name: 'Redis', address: redisAddress },
    { name: 'PostgreSQL', address: row?.address ?? undefined },
  ].flatMap(({ name, address }) => (address === undefined ? [] : [{ name, address }]));
}
