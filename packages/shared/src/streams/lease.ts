import { keys } from '../events/index.js';
import type { RedisClient } from './clients.js';

export interface LeaseOptions {
  readonly client: RedisClient;
  readonly stream: string;
  readonly group: string;
  /** This member of the group: unique among the living. */
  readonly consumer: string;
  /** Without a renewal for so long (ms) another member may take it. */
  readonly leaseMs: number;
  /** Ms that never step back. */
  readonly monotonic: () => number;
}

/** `other`: another member has it. `kept`: ours, and nobody else had it since. `new`: ours, and others may have read meanwhile. */
export type LeaseAnswer = 'other' | 'kept' | 'new';

// Also when Redis is full: a group that loses its reader for that would read nothing when there is room again.
const RENEW = `#!lua flags=allow-oom
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local last = redis.call('HGET', KEYS[2], ARGV[3] .. ':holder')
if last ~= ARGV[1] then redis.call('HSET', KEYS[2], ARGV[3] .. ':holder', ARGV[1]) end
if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], ARGV[3], ARGV[4]) end
if last == ARGV[1] then return 1 end
return 2`;

const RELEASE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`;

// The server's clock and ours run side by side; whoever counts must give up first.
const SAFE_SHARE = 0.9;

/** The right to read a stream for a group. One member has it; it lapses where its holder falls silent. */
export class ReadingLease {
  readonly #options: LeaseOptions;
  #heldUntil = Number.NEGATIVE_INFINITY;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Whether it is surely ours, by our own clock. */
  get held(): boolean {
    return this.#options.monotonic() < this.#heldUntil;
  }

  /** Takes or renews it, and saves the position: everything up to this id is settled. Rejects when Redis does not answer. */
  async renew(position?: string): Promise<LeaseAnswer> {
    const { client, stream, group, consumer, leaseMs, monotonic } = this.#options;
    const asked = monotonic();
    const reply = await client.eval(
      RENEW,
      2,
      keys.lease(stream, group),
      keys.position(stream),
      consumer,
      leaseMs,
      group,
      position ?? '',
    );
    if (reply === 0) {
      this.#heldUntil = Number.NEGATIVE_INFINITY;
      return 'other';
    }
    this.#heldUntil = asked + leaseMs * SAFE_SHARE;
    return reply === 1 ? 'kept' : 'new';
  }

  /** Gives it up, so that another member need not wait for it to lapse. */
  async release(): Promise<void> {
    const { client, stream, group, consumer } = this.#options;
    this.#heldUntil = Number.NEGATIVE_INFINITY;
    await client.eval(RELEASE, 1, keys.lease(stream, group), consumer);
  }
}
