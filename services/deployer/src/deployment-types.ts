import type { EventData, Level } from '@ops/shared/events';

export type Finding = EventData<'deploy.blocked'>['findings'][number];

export const KINDS = ['compose', 'image', 'config', 'restart', 'remove', 'rollback'] as const;
export type Kind = (typeof KINDS)[number];

/** The way of a deployment, in order. `roll-back` is entered from the steps that have touched something. */
export const STEPS = ['gate', 'plan', 'pre-flight', 'approval', 'backup', 'apply', 'verify', 'watch', 'roll-back'] as const;
export type Step = (typeof STEPS)[number];

/** How a deployment can end. `planned` is the end of a dry run. */
export const VERDICTS = ['succeeded', 'rolled-back', 'failed', 'blocked', 'rejected', 'expired', 'planned'] as const;
export type Verdict = (typeof VERDICTS)[number];

/** A request that has been checked: what, of which project of the inventory. */
export interface Request {
  readonly kind: Kind;
  /** The project's folder, absolute: what is locked, queued and kept releases of. */
  readonly folder: string;
  /** Compose services that were asked for; empty means all of the project. */
  readonly services: readonly string[];
  /** For people: the inventory's name of the service, or the project's folder. */
  readonly about: string;
  /** Absolute paths inside the folder; empty where Compose's own choice counts. */
  readonly composeFiles: readonly string[];
  readonly configFiles: readonly string[];
  readonly image: string | null;
  /** Null: whatever carries the project already, Compose where nothing does. */
  readonly orchestrator: OrchestratorName | null;
  /** The deployment whose release is to come back; null for the one before. */
  readonly release: string | null;
  readonly changes: string;
  readonly urgent: boolean;
  readonly schemaChange: boolean;
  readonly volumesChanged: boolean;
  readonly dryRun: boolean;
  /** Software asks for it, not a person: its restarts of a service are limited. Not there in what was stored before there was such. */
  readonly remediation?: boolean;
}

/** A container of the running version. */
export interface OldContainer {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly configHash: string;
  readonly running: boolean;
  /** As Docker names it: no, always, unless-stopped, on-failure; and how often it may try. */
  readonly restartPolicy: { readonly name: string; readonly retries: number };
  /** As they were when it was planned: only what comes on top says something of the deployment. */
  readonly restartCount: number;
  readonly oomKilled: boolean;
}

/** What carries the containers of a project. */
export const ORCHESTRATORS = ['compose', 'swarm'] as const;
export type OrchestratorName = (typeof ORCHESTRATORS)[number];

/** How the old version gives way. `start-first`: the new one is proven before the old one stops. */
export type Strategy = 'start-first' | 'stop-first' | 'in-place';

export interface ServicePlan {
  /** Its name in the Compose file. */
  readonly service: string;
  /** Its name in the inventory, where it is there. */
  readonly inventory: string | null;
  /** `keep`: it runs as asked already, and is only proven. */
  readonly change: 'create' | 'replace' | 'restart' | 'remove' | 'keep';
  /** What differs: `image`, `environment: A, B`, `ports`. Never a value of the environment. */
  readonly differences: readonly string[];
  readonly strategy: Strategy;
  /** It does its work and ends with 0. */
  readonly oneShot: boolean;
  readonly old: readonly OldContainer[];
  readonly image: string;
  /** Null where it is removed. */
  readonly imageId: string | null;
  readonly configHash: string | null;
  /** Of a Swarm: what its nodes are told to run, which cannot become another image. */
  readonly pinned: string | null;
  readonly replicas: number;
  readonly dependsOn: readonly string[];
  /** Ms from its start to the first moment in which Docker can call it healthy; 0 without a health check. */
  readonly earliestHealthyMs: number;
  readonly healthcheck: boolean;
}

/** A database that is dumped before anything is touched, and put back where the deployment fails. */
export interface DumpPlan {
  /** The Compose service that runs PostgreSQL. */
  readonly service: string;
  readonly name: string;
  readonly user: string;
}

export interface Plan {
  /** Compose's name of the project, or the name of the stack. */
  readonly project: string;
  readonly orchestrator: OrchestratorName;
  readonly folder: string;
  readonly files: readonly string[];
  /** What is changed, in the order in which it starts. */
  readonly services: readonly ServicePlan[];
  readonly untouched: readonly string[];
  /** Why it cannot be taken back without loss; empty where it can. */
  readonly irreversible: readonly string[];
  /** What is dumped, and read back, before the schema changes. */
  readonly dumps: readonly DumpPlan[];
  /** The release that is to come back; null where the project's own files are what is wanted. */
  readonly release: string | null;
  /** Images that are asked for beside the files, by Compose service. */
  readonly overrides: Readonly<Record<string, string>>;
  /** Files by their paths, and the hash of their content as the plan saw them. */
  readonly fileHashes: Readonly<Record<string, string>>;
}

/** What the guard and the freezes say now. */
export interface GateView {
  readonly level: Level;
  readonly deployments: 'allowed' | 'deferred' | 'blocked';
  readonly reason: string;
  readonly since: string;
  readonly freeze: { readonly by: string; readonly reason: string; readonly until: string | null } | null;
}

/** A deployment as it is stored. */
export interface Deployment {
  readonly deployment_id: string;
  readonly seq: string;
  /** What queues one behind the other: the project's folder; a dry run has a lane of its own. */
  readonly lane: string;
  readonly folder: string;
  readonly about: string;
  readonly kind: string;
  readonly request: Request | null;
  readonly requested_by: string;
  /** The envelope of the request, for the chain of events. */
  readonly cause: Record<string, unknown>;
  readonly step: Step;
  readonly verdict: Verdict | null;
  readonly reason: string | null;
  readonly plan: Plan | null;
  readonly plan_hash: string | null;
  readonly approval: { readonly by: string; readonly reason: string; readonly plan_hash: string; readonly at: string } | null;
  /** Whether a container may have been touched. */
  readonly touched: boolean;
  /** Why it waits; null while it goes on. */
  readonly waits_for: 'guard' | 'approval' | 'engine' | 'remediation' | null;
  readonly wake_at: Date | null;
  readonly expires_at: Date | null;
  readonly verify_until: Date | null;
  readonly watch_until: Date | null;
  readonly failure: Failure | null;
  readonly facts: Facts;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}

/** Where and why it did not work. */
export interface Failure {
  readonly step: Step;
  readonly reason: string;
  readonly evidence: readonly string[];
  /** Epoch ms of the first signal. */
  readonly at: number;
}

/** What steps have found out and later steps need. */
export interface Facts {
  /** Service → its new containers. */
  readonly started?: Readonly<Record<string, readonly string[]>>;
  /** Where its own files are. */
  readonly folder?: string;
  readonly snapshot?: string;
  readonly gate?: readonly { readonly at: string; readonly step: string; readonly level: string; readonly deployments: string }[];
  readonly restored?: readonly string[];
  /** Dumps that were read back; `at` is epoch ms. */
  readonly dumps?: readonly (DumpPlan & {
    readonly file: string;
    readonly bytes: number;
    readonly sha256: string;
    readonly at: number;
  })[];
  /** Something was started that may have changed the databases. */
  readonly schemaAtRisk?: boolean;
  /** Databases that were put back, and the names under which what the failed version made of them is kept. */
  readonly databases?: readonly { readonly service: string; readonly name: string; readonly kept: string }[];
  /** What hooks wrote, without secrets. */
  readonly hooks?: readonly { readonly hook: string; readonly service: string; readonly ok: boolean; readonly output: string }[];
  /** The watch is over, and what it had to prove is proven: only the version before is left to be removed. */
  readonly proven?: boolean;
  /** What takes its time just now, for whoever waits. */
  readonly doing?: string;
  /** Since when the guard or a freeze holds it. */
  readonly held_since?: string;
  /** Of a Swarm: tasks that were there before the change, and that say nothing of the new version. */
  readonly tasks_before?: readonly string[];
  /** Of a Swarm: service → the hash of its specification as we left it. */
  readonly spec_hashes?: Readonly<Record<string, string>>;
  /** Of a Swarm: tasks that were there before the way back, and are not of the version that comes back. */
  readonly tasks_given_up?: readonly string[];
  /** The approval that was asked for. */
  readonly asked?: { readonly plan_hash: string; readonly expires_at: string };
}

/** A service of a release, as it ran. */
export interface ReleasedService {
  readonly image: string;
  readonly imageId: string;
  readonly configHash: string;
  /** Of a Swarm: see ContainerFacts. */
  readonly specHash?: string;
  /** It ran when it was released; what does its work and ends did not. */
  readonly running: boolean;
}

export interface ReleaseFacts {
  readonly project: string;
  /** Not in releases of before there were two: Compose. */
  readonly orchestrator?: OrchestratorName;
  readonly files: readonly string[];
  readonly services: Readonly<Record<string, ReleasedService>>;
  readonly fileHashes: Readonly<Record<string, string>>;
  /** Images that were asked for beside the files, by Compose service. */
  readonly overrides: Readonly<Record<string, string>>;
}

/** A step as it is in the journal. */
export interface JournalledStep {
  readonly n: number;
  readonly step: string;
  readonly began_at: Date;
  readonly ended_at: Date | null;
  readonly outcome: string | null;
  readonly detail: string | null;
}
