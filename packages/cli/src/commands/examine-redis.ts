import { loadConfig } from '@ops/shared/config';
import { redactor } from '@ops/shared/secrets';
import { judgeServer, openClient, readServerFacts, type ServerFacts, shownAddress, type UnsafeRedis } from '@ops/shared/streams';
import { type Finding, finding } from './finding.js';

const WAIT_MS = 4000;

/** The Redis that is used: whether it answers, and whether events are safe in it. */
export async function examineRedis(url: string, configFile: string): Promise<Finding> {
  const client = openClient(url, 'ops-doctor');
  const servers = await Promise.race([
    readServerFacts(client).catch((error: Error) => redactor.text(error.message)),
    new Promise<string>((resolve) => setTimeout(() => resolve('no answer'), WAIT_MS).unref()),
  ]);
  client.disconnect();
  if (typeof servers === 'string') {
    return finding('redis', 'warning', `${shownAddress(url)}: ${servers}`, 'start it, or correct REDIS_URL');
  }
  const { policy, confirmDisk } = wishesOf(configFile);
  const judged = servers.map((facts) => ({ facts, findings: judgeServer(facts, policy, confirmDisk) }));
  const all = judged.flatMap(({ findings }) => findings);
  const refused = all.some(({ verdict }) => verdict === 'refuse');
  return finding(
    'redis',
    refused ? 'missing' : all.length > 0 ? 'warning' : 'ok',
    judged.map(({ facts, findings }) => [shown(facts), ...findings.map(({ problem }) => problem)].join('; ')).join('\n'),
    [...new Set(all.map(({ mend }) => mend))].join('; '),
  );
}

function shown({ address, kind, version, mode, role }: ServerFacts): string {
  return `${kind} ${version} at ${address} (${mode}, ${role})`;
}

function wishesOf(configFile: string): { policy: UnsafeRedis; confirmDisk: boolean } {
  try {
    const { unsafe_redis, confirm_disk } = loadConfig(configFile).bus;
    return { policy: unsafe_redis, confirmDisk: confirm_disk };
  } catch {
    return { policy: 'refuse', confirmDisk: false };
  }
}
