import type { Engine } from '../act/engine.js';
import type { LookoutSource } from '../act/lookout.js';
import type { PreFlightFacts } from '../decide/pre-flight.js';
import type { Facts, OrchestratorName, ServicePlan } from '../deployment-types.js';
import { planOf, type Run, type StepResult } from './step.js';

/**
 * What carries the containers of a project: Compose on one engine, or the services of a Swarm. The steps of a deployment are the
 * same for both; what is different is here. All of it can be done again after a crash.
 */
export interface Orchestrator {
  readonly name: OrchestratorName;
  /** What there is of a project, of every version that is in use. */
  all(engine: Engine): LookoutSource;
  /** The same, of the version that is deployed only. */
  newVersion(run: Run): LookoutSource;
  /** The same, of the version before only, once it is back. */
  oldVersion(run: Run): Promise<LookoutSource>;
  /** What is published on the host already, and by whom; with an id of the plan's old containers where that gives way. */
  published(run: Run): Promise<PreFlightFacts['published']>;
  /** Before anything is touched: what the way back needs besides files and images. `inspected` is for people. */
  remember(run: Run): Promise<{ readonly inspected: unknown; readonly facts?: Partial<Facts> }>;
  /** The version before gives way, and the new one begins. A failure, or undefined where it began. */
  change(run: Run): Promise<StepResult | undefined>;
  /** The new version is proven: what served beside it may stop. */
  handOver(run: Run): Promise<void>;
  /** It has succeeded: what was kept for the way back goes. */
  letGo(run: Run): Promise<void>;
  /** First of the way back: what has ended must not be started again. */
  stopEnded(run: Run, services: readonly ServicePlan[]): Promise<void>;
  /** What is new goes. */
  withdraw(run: Run, services: readonly ServicePlan[]): Promise<void>;
  /** The version before begins again, with its files in their places. `snapshot`: of the release that ran. */
  bringBack(run: Run, services: readonly ServicePlan[], snapshot: string | undefined): Promise<StepResult | undefined>;
}

/** Whoever carries the project of a planned deployment. */
export function orchestratorOf(run: Run): Orchestrator {
  return run.deployer.orchestrators[planOf(run).orchestrator];
}
