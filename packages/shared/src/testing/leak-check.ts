import { execFileSync } from 'node:child_process';
import { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { testServerPids } from './test-servers.js';

export interface LeakCheck {
  /**
   * What is there now and was not at the snapshot, one line each: Redis clients, consumers with pending entries, child processes.
   * What is just going away has `within` ms for it (default 2,000).
   */
  leaks(options?: { within?: number }): Promise<string[]>;
  close(): Promise<void>;
}

/** Takes a snapshot to compare with at the end of a test. With a Redis URL its clients and its consumer groups count too. */
export async function leakCheck({ redisUrl }: { redisUrl?: string } = {}): Promise<LeakCheck> {
  const redis = redisUrl === undefined ? undefined : new Redis(redisUrl, { connectionName: 'test-leak-check' });
  redis?.on('error', () => undefined);
  const look = async (): Promise<Map<string, string>> => {
    const found = new Map(childProcesses());
    if (redis !== undefined) {
      for (const [key, text] of [...(await clients(redis)), ...(await pendingConsumers(redis))]) found.set(key, text);
    }
    return found;
  };
  const before = await look();
  const leaks = async () => [...(await look())].filter(([key]) => !before.has(key)).map(([, text]) => text);
  return {
    leaks: async ({ within = 2_000 } = {}) => {
      let last: string[] = [];
      await eventually(
        async () => {
          last = await leaks();
          if (last.length > 0) throw new Error('leaks');
        },
        { within },
      ).catch((error: unknown) => {
        if (last.length === 0) throw error;
      });
      return last;
    },
    close: async () => redis?.disconnect(),
  };
}

async function clients(redis: Redis): Promise<[string, string][]> {
  const own = String(await redis.client('ID'));
  const lines = String(await redis.client('LIST'))
    .trim()
    .split('\n');
  return lines.flatMap((line): [string, string][] => {
    const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S*)`).exec(line)?.[1] ?? '';
    if (field('id') === own) return [];
    return [
      [`client ${field('id')}`, `redis client ${field('name') || '(no name)'} at ${field('addr')}, last command ${field('cmd')}`],
    ];
  });
}

async function pendingConsumers(redis: Redis): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const keys of redis.scanStream({ type: 'stream', count: 1_000 })) {
    for (const stream of keys as string[]) {
      for (const group of records(await redis.xinfo('GROUPS', stream))) {
        for (const consumer of records(await redis.xinfo('CONSUMERS', stream, group.name ?? ''))) {
          if (Number(consumer.pending) === 0) continue;
          const who = `consumer ${consumer.name} of group ${group.name} on ${stream}`;
          found.push([who, `${who} left ${consumer.pending} pending`]);
        }
      }
    }
  }
  return found;
}

function records(reply: unknown): Record<string, string>[] {
  return (reply as unknown[][]).map((flat) => {
    const record: Record<string, string> = {};
    for (let i = 0; i < flat.length; i += 2) record[String(flat[i])] = String(flat[i + 1]);
    return record;
  });
}

function childProcesses(): [string, string][] {
  const servers = testServerPids();
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' }).trim().split('\n');
  return lines.flatMap((line): [string, string][] => {
    const [, pid, parent, state, args] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (Number(parent) !== process.pid || state?.startsWith('Z') || args?.startsWith('ps -A') || servers.has(Number(pid)))
      return [];
    return [[`process ${pid}`, `child process ${pid}: ${args}`]];
  });
}
