import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { EventDraft } from '@ops/shared/events';
import type { Redactor } from '@ops/shared/secrets';
import type { Engine } from '../act/engine.js';
import { writeSurely } from '../act/own-files.js';
import { snapshotModel } from '../act/snapshot.js';
import type { ComposeModel } from '../compose-model.js';
import { type GateVerdict, judgeGate } from '../decide/gate.js';
import type { Deployer } from '../deployer.js';
import type { Deployment, Failure, Finding, GateView, Plan, Request, Verdict } from '../deployment-types.js';
import type { Change } from '../state/deployments.js';
import { readGate } from '../state/gate.js';
import type { Journal } from '../state/journal.js';
import type { ProjectLease } from '../state/leases.js';

/** One deployment in our hands. */
export interface Run {
  readonly deployer: Deployer;
  readonly lease: ProjectLease;
  readonly journal: Journal;
  /** The engine; what changes something is refused once the lease is not surely ours. */
  readonly engine: Engine;
  /** Hides what the project's own files and variables hold. */
  readonly redactor: Redactor;
  /** Aborted when the service stops or the lease is lost. */
  readonly signal: AbortSignal;
  /** As it was last written. */
  deployment: Deployment;
}

/** How a step ended: the next one follows, it waits, it is over, or it did not work. */
export type StepResult =
  | { readonly kind: 'done'; readonly detail: string; readonly change?: Change; readonly drafts?: readonly EventDraft[] }
  | {
      readonly kind: 'wait';
      readonly for: NonNullable<Deployment['waits_for']>;
      readonly reason: string;
      readonly wakeAt: Date;
      /** When it is given up; null where it is not. */
      readonly expiresAt: Date | null;
      readonly change?: Change;
      readonly drafts?: readonly EventDraft[];
    }
  | {
      readonly kind: 'end';
      readonly verdict: Verdict;
      readonly reason: string;
      readonly findings?: readonly Finding[];
      readonly change?: Change;
    }
  | { readonly kind: 'fail'; readonly failure: FailedStep };

/** Why a step did not work. Its evidence may still be read: an engine that is busy with the container answers late. */
export interface FailedStep extends Omit<Failure, 'step' | 'evidence'> {
  readonly evidence: readonly string[] | Promise<readonly string[]>;
}

export function fail(reason: string, at: number, evidence: FailedStep['evidence'] = []): StepResult {
  return { kind: 'fail', failure: { reason, evidence, at } };
}

/** The checked request of a deployment that got past its refusal. */
export function requestOf({ deployment }: Run): Request {
  if (deployment.request === null) throw new Error('a deployment without a request has no steps');
  return deployment.request;
}

/** The plan, which every step after the planning has. */
export function planOf({ deployment }: Run): Plan {
  if (deployment.plan === null) throw new Error('this step needs a plan');
  return deployment.plan;
}

/** Where a deployment keeps its files: a folder of OPS_HOME that only its owner enters. */
export function folderOf({ deployer, deployment }: Run): string {
  // Whoever goes on with it finds it where it was begun, also with another OPS_HOME.
  return deployment.facts.folder ?? join(deployer.home, 'deployments', deployment.deployment_id);
}

/** Where the model of the plan is. */
export function modelFile(run: Run): string {
  return join(folderOf(run), 'model.json');
}

/**
 * The rendered project, where Compose reads it: what is started is what was planned, whatever happens to the files meanwhile. One place
 * for every deployment of a project, since Compose writes it on the containers.
 */
export async function placeModel(
  run: Run,
  model: ComposeModel,
): Promise<{ readonly folder: string; readonly files: readonly string[] }> {
  const { folder } = requestOf(run);
  const place = createHash('sha256').update(folder).digest('hex').slice(0, 8);
  const file = join(run.deployer.home, 'projects', `${model.name}-${place}`, 'compose.json');
  await writeSurely(file, JSON.stringify(model));
  return { folder, files: [file] };
}

/** The project as it was planned. */
export async function plannedModel(run: Run): Promise<ComposeModel> {
  return snapshotModel(folderOf(run));
}

/** The gate as it is now, and what it means for this deployment. */
export async function askGate(run: Run): Promise<{ view: GateView; verdict: GateVerdict }> {
  const { deployer, deployment } = run;
  const view = await readGate(deployer.redis, deployer.database);
  const unknownFor = deployer.clock.now() - (view.since === '' ? deployment.created_at.getTime() : Date.parse(view.since));
  return { view, verdict: judgeGate(view, unknownFor, deployer.config.deploy.guard_unknown_for) };
}

/** Notes a reading of the guard for the record. */
export function withReading(run: Run, step: string, { level, deployments }: GateView): Deployment['facts'] {
  const { facts } = run.deployment;
  const at = new Date(run.deployer.clock.now()).toISOString();
  return { ...facts, gate: [...(facts.gate ?? []), { at, step, level, deployments }].slice(-50) };
}

/** Before anything is touched: a closed gate lets the deployment wait, or ends it. Undefined where it is open. */
export async function heldAtGate(
  run: Run,
  step: string,
): Promise<StepResult | { readonly kind: 'open'; readonly view: GateView }> {
  const { clock, config } = run.deployer;
  const { view, verdict } = await askGate(run);
  // The way back, also when a person asks for it, is the safe direction at every level.
  if (verdict.kind === 'open' || requestOf(run).kind === 'rollback') return { kind: 'open', view };
  if (verdict.kind === 'deferred') {
    const since = run.deployment.facts.held_since ?? new Date(clock.now()).toISOString();
    const expiresAt = new Date(Date.parse(since) + config.deploy.defer.give_up_after);
    const held: Change = { facts: { ...withReading(run, step, view), held_since: since } };
    if (clock.now() >= expiresAt.getTime())
      return { kind: 'end', verdict: 'expired', reason: `given up after waiting: ${verdict.reason}`, change: held };
    const wakeAt = new Date(clock.now() + (view.level === 'unknown' ? 1000 : config.deploy.defer.every));
    return { kind: 'wait', for: 'guard', reason: verdict.reason, wakeAt, expiresAt, change: held };
  }
  const change: Change = { facts: withReading(run, step, view) };
  const findings: Finding[] = [{ code: 'guard', where: 'the guard of the host', found: view.level, expected: 'normal or warn' }];
  return { kind: 'end', verdict: 'blocked', reason: verdict.reason, findings, change };
}
