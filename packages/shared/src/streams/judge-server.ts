import { atLeast, type ServerFacts } from './server-facts.js';

/** What `bus.unsafe_redis` says about a server that may lose events. */
export type UnsafeRedis = 'refuse' | 'warn';

/** Something about a server that is not as it must be. */
export interface ServerFinding {
  readonly verdict: UnsafeRedis;
  /** The setting, its value, what was expected, and what follows from it. */
  readonly problem: string;
  readonly mend: string;
  /** Whether ops.yaml may allow it. */
  readonly allowable: boolean;
}

/** The oldest servers that have what the bus asks of them. */
export const FLOOR = { redis: '7.0', valkey: '7.2' } as const;

/**
 * Whether events are safe in this server, and how to mend it where they are not.
 *
 * @param confirmDisk whether it is to say that a write is on its disk
 */
export function judgeServer(facts: ServerFacts, policy: UnsafeRedis, confirmDisk = false): readonly ServerFinding[] {
  const { kind, version, mode, appendOnly, maxmemoryPolicy } = facts;
  const name = kind === 'valkey' ? 'Valkey' : 'Redis';
  if (mode === 'sentinel') {
    return [
      {
        verdict: 'refuse',
        problem: 'it is a Sentinel: expected a server that keeps data',
        mend: 'give the Sentinels as redis+sentinel://host:26379,host:26379/<master>',
        allowable: false,
      },
    ];
  }
  const found: ServerFinding[] = [];
  if (!atLeast(version, FLOOR[kind])) {
    found.push({
      verdict: 'refuse',
      problem: `its version is ${name} ${version}: expected Redis ${FLOOR.redis} or Valkey ${FLOOR.valkey}, or newer`,
      mend: `install a newer ${name}`,
      allowable: false,
    });
  }
  if (confirmDisk && !facts.features.waitaof) {
    found.push({
      verdict: 'refuse',
      problem: `bus.confirm_disk is on, and ${name} ${version} has no WAITAOF: expected Redis or Valkey 7.2, or newer`,
      mend: `install a newer ${name}, or switch bus.confirm_disk off`,
      allowable: false,
    });
  }
  if (appendOnly !== true) {
    found.push({
      verdict: confirmDisk ? 'refuse' : policy,
      problem: `appendonly is ${appendOnly === undefined ? 'not told' : '"no"'}: expected "yes"; a restart forgets events that were accepted`,
      mend: `\`${kind}-cli CONFIG SET appendonly yes\` now, and \`appendonly yes\` in its configuration file`,
      // With nothing on disk, nothing would ever be confirmed.
      allowable: !confirmDisk,
    });
  }
  if (maxmemoryPolicy !== 'noeviction') {
    found.push({
      verdict: policy,
      problem: `maxmemory-policy is ${maxmemoryPolicy === undefined ? 'not told' : `"${maxmemoryPolicy}"`}: expected "noeviction"; when it is full it throws streams and jobs away`,
      mend: `\`${kind}-cli CONFIG SET maxmemory-policy noeviction\` now, and \`maxmemory-policy noeviction\` in its configuration file`,
      allowable: true,
    });
  }
  return found;
}

/** Findings as a text for a person: the server, each problem with how to mend it, and the key that allows it. */
export function findingText(address: string, findings: readonly ServerFinding[]): string {
  const lines = findings.map(({ problem, mend }) => `${problem}. To mend it: ${mend}.`);
  const refused = findings.filter(({ verdict }) => verdict === 'refuse');
  const key =
    refused.length > 0 && refused.every(({ allowable }) => allowable)
      ? ' Or allow it: `bus: { unsafe_redis: warn }` in ops.yaml.'
      : '';
  return `Redis at ${address}: ${lines.join(' ')}${key}`;
}
