import { operatorShell, shellGroups } from './operator-shell.js';
import { containerOf, isAboutContainers, type KnownContainer, namesContainer, sharesService } from './runaway-container.js';
import { ancestorsOf, inherited } from './runaway-lineage.js';
import type { OwnerRule, RunawayPolicy } from './runaway-policy.js';
import type { ProcessFact } from './runaway-process.js';
import type { RunawayFacts } from './runaway-types.js';

/** Why a process is not a victim. */
export type Sparing =
  | 'first-processes'
  | 'kernel-thread'
  | 'already-ending'
  | 'own-tree'
  | 'never-named'
  | 'operator-shell'
  | 'protected-service'
  | 'unknown-container'
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
  /** The id of the container that it is in; null for none, and for one that we are in ourselves. */
  readonly container: string | null;
}

/** The first process of many containers: part of it, and no service of its own. */
const CONTAINER_INITS = ['tini', 'docker-init', 'podman-init', 'dumb-init', 'catatonit'];

/**
 * Judges every process: who may be a victim, and why the others may not. Rules of protection always win over rules that
 * name an unprotected owner. Ancestors of ours are spared (ending a supervisor ends us), and so are all descendants of
 * ours and of protected processes.
 */
export function judgeProcesses(
  { processes, own, containers }: Pick<RunawayFacts, 'processes' | 'own' | 'containers'>,
  policy: RunawayPolicy,
): Judged[] {
  const byPid = new Map(processes.map((process) => [process.pid, process]));
  const inside = new Map(processes.map((process) => [process.pid, containerOf(process, containers)]));
  const known = ({ pid }: ProcessFact) => containers.known.get(inside.get(pid) ?? '');
  const ours = new Set([own.pid, ...own.alsoOurs]);
  const above = new Set(ancestorsOf(own.pid, byPid).map((process) => process.pid));
  const below = inherited(processes, byPid, ({ pid, ppid }) => ours.has(pid) || ours.has(ppid));
  const protecting = policy.owners.filter((rule) => rule.protected);
  const guarded = inherited(processes, byPid, (each) => protecting.some((rule) => owns(rule, each, known(each))));
  const unread = inherited(processes, byPid, ({ pid, commandLine }) => pid > 2 && commandLine === null);
  const shells = shellGroups(processes);
  const mustAttribute = protecting.some(isAboutContainers);
  // A project that goes by another name than its folder's: which of the services of that name is meant is never guessed.
  const all = [...containers.known.values()];
  const lost = protecting.filter((rule) => rule.compose !== undefined && !all.some((each) => namesContainer(rule, each)));
  return processes.map((process) => {
    const { pid } = process;
    const owner = policy.owners.find((rule) => !rule.protected && owns(rule, process, known(process)));
    const container = inside.get(pid) ?? null;
    const is = {
      ours: above.has(pid) || below.has(pid),
      guarded: guarded.has(pid),
      // It may be that of a protected service: that is never guessed.
      unattributed: container !== null && isUnattributed(known(process), mustAttribute, lost),
      contained: container !== null,
      shell: operatorShell(process) !== null || shells.has(process.processGroup),
      read: !unread.has(pid),
      owned: owner !== undefined,
    };
    return { process, spared: sparing(process, is, policy), service: owner?.service ?? null, container };
  });
}

function isUnattributed(container: KnownContainer | undefined, mustAttribute: boolean, lost: readonly OwnerRule[]): boolean {
  return container === undefined ? mustAttribute : lost.some((rule) => sharesService(rule, container));
}

/** Whether a process is the first of its container, which goes with it: nothing but its name speaks for it. */
export function isContainerInit({ process, container, spared }: Judged): boolean {
  return container !== null && isInit(process) && (spared === null || spared === 'unknown-owner');
}

/** Whether a process is called like those that only look after the others of a container. */
export function isInit(process: ProcessFact): boolean {
  return CONTAINER_INITS.some((name) => isNamed(process, name));
}

interface Verdicts {
  readonly ours: boolean;
  readonly guarded: boolean;
  readonly unattributed: boolean;
  readonly contained: boolean;
  readonly shell: boolean;
  readonly read: boolean;
  readonly owned: boolean;
}

function sparing(process: ProcessFact, is: Verdicts, policy: RunawayPolicy): Sparing | null {
  if (process.pid <= 2) return 'first-processes';
  if (process.kernelThread || process.ppid === 2) return 'kernel-thread';
  if (process.state === 'Z' || process.state === 'X') return 'already-ending';
  if (is.ours) return 'own-tree';
  if (policy.neverNames.some((name) => isNamed(process, name)) || isNever(process, policy)) return 'never-named';
  // The first process of a container goes with it; elsewhere, everything else goes with such a process.
  if (!is.contained && isInit(process)) return 'never-named';
  if (is.shell) return 'operator-shell';
  if (is.guarded) return 'protected-service';
  if (is.unattributed) return 'unknown-container';
  // Without these facts, of the process and of its parents, a rule of protection might apply that we cannot see.
  if (!is.read || process.cgroup === null || process.oomScoreAdj === null || process.uid === null) return 'not-fully-read';
  if (process.oomScoreAdj <= -1000) return 'oom-exempt';
  if (policy.spareRootDaemons && !is.owned && !is.contained && isRootDaemon(process)) return 'root-daemon';
  if (!is.owned && policy.unknownOwners === 'spare') return 'unknown-owner';
  return null;
}

function isNever({ commandLine, uid }: ProcessFact, { neverPatterns, neverUsers }: RunawayPolicy): boolean {
  return (uid !== null && neverUsers.includes(uid)) || neverPatterns.some((pattern) => commandLine?.matches(pattern));
}

function owns(rule: OwnerRule, process: ProcessFact, container: KnownContainer | undefined): boolean {
  if (rule.pids?.includes(process.pid)) return true;
  if (process.uid !== null && rule.users?.includes(process.uid)) return true;
  if (rule.names?.some((name) => isNamed(process, name))) return true;
  if (rule.containers?.some((id) => id.length >= 12 && process.cgroup?.includes(id))) return true;
  if (container !== undefined && namesContainer(rule, container)) return true;
  return rule.patterns?.some((pattern) => process.commandLine?.matches(pattern)) ?? false;
}

function isNamed(process: ProcessFact, name: string): boolean {
  return process.name === name.slice(0, 15) || process.program === name;
}

/** A daemon of root: started by process 1 or by the service manager, and not inside of a container. */
function isRootDaemon(process: ProcessFact): boolean {
  if (process.uid !== 0) return false;
  const cgroup = process.cgroup ?? '';
  // Containers whose ids have another form.
  if (/docker|containerd|kubepods|libpod|lxc/.test(cgroup)) return false;
  return process.ppid === 1 || cgroup.includes('/system.slice/');
}
