import { operatorShell, shellGroups } from './operator-shell.js';
import { ancestorsOf, inherited } from './runaway-lineage.js';
import type { OwnerRule, RunawayPolicy } from './runaway-policy.js';
import type { ProcessFact } from './runaway-process.js';

/** Why a process is not a victim. */
export type Sparing =
  | 'first-processes'
  | 'kernel-thread'
  | 'already-ending'
  | 'own-tree'
  | 'never-named'
  | 'operator-shell'
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
  const below = inherited(processes, byPid, ({ pid, ppid }) => ours.has(pid) || ours.has(ppid));
  const guarded = inherited(processes, byPid, (each) => protectingRule(each, policy.owners));
  const unread = inherited(processes, byPid, ({ pid, commandLine }) => pid > 2 && commandLine === null);
  const shells = shellGroups(processes);
  return processes.map((process) => {
    const { pid } = process;
    const owner = policy.owners.find((rule) => !rule.protected && owns(rule, process));
    const is = {
      ours: above.has(pid) || below.has(pid),
      guarded: guarded.has(pid),
      shell: operatorShell(process) !== null || shells.has(process.processGroup),
      read: !unread.has(pid),
      owned: owner !== undefined,
    };
    return { process, spared: sparing(process, is, policy), service: owner?.service ?? null };
  });
}

function sparing(
  process: ProcessFact,
  is: { ours: boolean; guarded: boolean; shell: boolean; read: boolean; owned: boolean },
  policy: RunawayPolicy,
): Sparing | null {
  if (process.pid <= 2) return 'first-processes';
  if (process.kernelThread || process.ppid === 2) return 'kernel-thread';
  if (process.state === 'Z' || process.state === 'X') return 'already-ending';
  if (is.ours) return 'own-tree';
  if (policy.neverNames.some((name) => isNamed(process, name)) || isNever(process, policy)) return 'never-named';
  if (is.shell) return 'operator-shell';
  if (is.guarded) return 'protected-service';
  // Without these facts, of the process and of its parents, a rule of protection might apply that we cannot see.
  if (!is.read || process.cgroup === null || process.oomScoreAdj === null || process.uid === null) return 'not-fully-read';
  if (process.oomScoreAdj <= -1000) return 'oom-exempt';
  if (policy.spareRootDaemons && !is.owned && isRootDaemon(process)) return 'root-daemon';
  if (!is.owned && policy.unknownOwners === 'spare') return 'unknown-owner';
  return null;
}

function isNever({ commandLine, uid }: ProcessFact, { neverPatterns, neverUsers }: RunawayPolicy): boolean {
  return (uid !== null && neverUsers.includes(uid)) || neverPatterns.some((pattern) => commandLine?.matches(pattern));
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
