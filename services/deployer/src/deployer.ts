import type { ServiceContext } from '@ops/shared/runtime';
import type { Compose } from './act/compose.js';
import type { Engine } from './act/engine.js';
import type { Prober } from './act/lookout.js';
import type { Stack } from './act/stack.js';
import type { OrchestratorName, ServicePlan } from './deployment-types.js';
import type { Database } from './state/tables.js';
import type { Orchestrator } from './steps/orchestrator.js';

/** The deployer with what it works with. */
export interface Deployer extends Omit<ServiceContext, 'database'> {
  readonly database: Database;
  readonly engine: Engine;
  readonly compose: Compose;
  readonly stack: Stack;
  readonly orchestrators: Readonly<Record<OrchestratorName, Orchestrator>>;
  /** Begins to ask the checks of these services. */
  readonly probe: (services: readonly ServicePlan[]) => Prober;
  /** Something may have become possible: look at once. */
  readonly nudge: () => void;
}
