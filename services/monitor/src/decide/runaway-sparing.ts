import type { OwnerRule, RunawayPolicy } from './runaway-policy.js';
import type { ProcessFact } from './runaway-process.js';

/** Why a process is not a victim. */
export type Sparing =
  | 'first-processes'
  | 'kernel-thread'
  | 'already-ending'
  | 'own-tree'
  | 'never-named'
  | 'protected-service'
  | 'oom-exempt'
  | 'not-fully-read'
  | 'root-daemon'
  | 'unknown-owner';

/** Ourselves: our pid, and the pids of what we started (embedded Redis and PostgreSQL). */
export interface OwnProcesses {
  readonly pid: number;
  readonly alsoOurs: readonly number[];
}

/** A process with the verdict on it: `spared` is null for one that may be a victim, `service` the owner that a rule names. */
export interface Judged {
  readonly process: ProcessFact;
  readonly spared: Sparing | null;
  readonly service: string | null;
}

/**
 * Judges every process: who may be a victim, and why the others may not. Rules of protection always win over rules that
 * name an unprotected owner. Ancestors of ours are spared (ending a supervisor ends us), and so are all descendants of
 * ours and of protected processes.
 */
export function judgeProcesses(processes: readonly ProcessFact[], own: OwnProcesses, policy: RunawayPolicy): Judged[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const ours = new Set([own.pid, ...own.alsoOurs]);
  const above = new Set(ancestorsOf(own.pid, byPid).map((process) => process.pid));
  const guarded = new Set(processes.filter((each) => protectingRule(each, policy.owners)).map((each) => each.pid));
  return processes.map((process) => {
    const lineage = [process, ...ancestorsOf(process.pid, byPid)];
    const isOurs = above.has(process.pid) || lineage.some((each) => ours.has(each.pid) || ours.has(each.ppid));
    const isGuarded = lineage.some((each) => guarded.has(each.pid));
    const isRead = lineage.every((each) => each.pid <= 2 || each.commandLine !== null);
    const owner = policy.owners.find((rule) => !rule.protected && owns(rule, process));
    return {
      process,
      spared: sparing(process, { isOurs, isGuarded, isRead, isOwned: owner !== undefined }, policy),
      service: owner?.service ?? null,
    };
  });
}

function sparing(
  process: ProcessFact,
  is: { isOurs: boolean; isGuarded: boolean; isRead: boolean; isOwned: boolean },
  policy: RunawayPolicy,
): Sparing | null {
  if (process.pid <= 2) return 'first-processes';
  if (process.kernelThread || process.ppid === 2) return 'kernel-thread';
  if (process.state === 'Z' || process.state === 'X') return 'already-ending';
  if (is.isOurs) return 'own-tree';
  if (policy.neverNames.some((name) => isNamed(process, name))) return 'never-named';
  if (is.isGuarded) return 'protected-service';
  // Without these facts, of the process and of its parents, a rule of protection might apply that we cannot see.
  if (!is.isRead || process.cgroup === null || process.oomScoreAdj === null || process.uid === null) return 'not-fully-read';
  if (process.oomScoreAdj <= -1000) return 'oom-exempt';
  if (policy.spareRootDaemons && !is.isOwned && isRootDaemon(process)) return 'root-daemon';
  if (!is.isOwned && policy.unknownOwners === 'spare') return 'unknown-owner';
  return null;
}

function protectingRule(process: ProcessFact, rules: readonly OwnerRule[]): boolean {
  return rules.some((rule) => rule.protected && owns(rule, process));
}

function owns(rule: OwnerRule, process: ProcessFact): boolean {
  if (rule.pids?.includes(process.pid)) return true;
  if (process.uid !== null && rule.users?.includes(process.uid)) return true;
  if (rule.names?.some((name) => isNamed(process, name))) return true;
  if (rule.containers?.some((id) => id.length >= 12 && process.cgroup?.includes(id))) return true;
  return rule.patterns?.some((pattern) => process.commandLine?.matches(pattern)) ?? false;
}

function isNamed(process: ProcessFact, name: string): boolean {
  return process.name === name.slice(0, 15) || process.program === name;
}

/** A daemon of root: started by process 1 or by the service manager, and not inside of a container. */
function isRootDaemon(process: ProcessFact): boolean {
  if (process.uid !== 0) return false;
  const cgroup = process.cgroup ?? '';
  if (/docker|containerd|kubepods|libpod|lxc/.test(cgroup)) return false;
  return process.ppid === 1 || cgroup.includes('/system.slice/');
}

/** From the parent upwards. A table is not a snapshot, so parents may be missing, and a reused number may even close a ring. */
function ancestorsOf(pid: number, byPid: ReadonlyMap<number, ProcessFact>): ProcessFact[] {
  const found: ProcessFact[] = [];
  const seen = new Set([pid]);
  let next = byPid.get(byPid.get(pid)?.ppid ?? 0);
  while (next !== undefined && !seen.has(next.pid)) {
    found.push(next);
    seen.add(next.pid);
    next = byPid.get(next.ppid);
  }
  return found;
}
