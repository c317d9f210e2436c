import { keys, STREAM_NAMES, type StreamName } from '@ops/shared/events';
import { Redis } from 'ioredis';

/** The users of the Compose file's Redis, as they come from outside: with their URLs, through the published port. */
export class BusUsers {
  readonly #urlOf: (user: string) => Promise<string>;
  readonly #clients = new Map<string, Promise<Redis>>();

  constructor(urlOf: (user: string) => Promise<string>) {
    this.#urlOf = urlOf;
  }

  /** The user's client, opened when it is first asked for. */
  client(user: string): Promise<Redis> {
    const known = this.#clients.get(user) ?? this.#open(user);
    this.#clients.set(user, known);
    return known;
  }

  async #open(user: string): Promise<Redis> {
    const client = new Redis(await this.#urlOf(user), { enableReadyCheck: false });
    // Redis is killed in between; without a listener ioredis would print it.
    client.on('error', () => undefined);
    return client;
  }

  /** Every event of a stream, oldest first. */
  async events(stream: StreamName): Promise<{ type: string; data: Record<string, unknown> }[]> {
    const entries = await (await this.client('reader')).xrange(stream, '-', '+');
    return entries.flatMap(([, fields]) => (fields[0] === 'event' ? [JSON.parse(fields[1] ?? '')] : []));
  }

  /** The dead letters of every stream. */
  async deadLetters(): Promise<unknown[]> {
    const reader = await this.client('reader');
    return (await Promise.all(STREAM_NAMES.map((stream) => reader.xrange(keys.deadLetters(stream), '-', '+')))).flat();
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) (await client).disconnect();
    this.#clients.clear();
  }
}
