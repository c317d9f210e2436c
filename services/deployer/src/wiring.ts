import { join } from 'node:path';
import { onJob } from '@ops/shared/queues';
import { dockerAddress, type ServiceContext, type ServiceDefinition } from '@ops/shared/runtime';
import { Compose } from './act/compose.js';
import { Engine } from './act/engine.js';
import { inventoryProber } from './act/inventory-prober.js';
import { Stack } from './act/stack.js';
import type { Deployer } from './deployer.js';
import { deploymentDue } from './jobs.js';
import { migrations } from './migrations/index.js';
import { adoptionRound } from './on/adoption-round.js';
import { ChangesRound } from './on/changes-round.js';
import { onDeployRequested } from './on/deploy-requested.js';
import { DeploymentsRound } from './on/deployments-round.js';
import { onDirectiveIssued } from './on/directive-issued.js';
import { SwarmChangesRound } from './on/swarm-changes-round.js';
import { approvalRoutes } from './routes/approval-routes.js';
import { deploymentRoutes } from './routes/deployment-routes.js';
import { flushEvents } from './state/outbox.js';
import type { Tables } from './state/tables.js';
import { compose } from './steps/compose/orchestrator.js';
import { swarm } from './steps/swarm/orchestrator.js';

const FLUSH_EVERY_MS = 100;

/** Deployments of Compose projects: gated, planned, proven, watched, and taken back where they do not hold. */
export const deployer: ServiceDefinition = {
  name: 'deployer',
  migrations,
  async wire(context) {
    const { self, round } = open(context);
    const changes = new ChangesRound(self);
    const swarmChanges = new SwarmChangesRound(self);
    return {
      on: {
        'deploy.requested': (event) => onDeployRequested(self, event),
        'directive.issued': (event) => onDirectiveIssued(self, event),
      },
      jobs: [
        onJob(deploymentDue, async () => {
          self.nudge();
          return [];
        }),
      ],
      loops: [
        { name: 'deployments', round: (signal) => round.round(signal) },
        { name: 'changes', round: (signal) => changes.round(signal) },
        { name: 'swarm-changes', round: (signal) => swarmChanges.round(signal) },
        { name: 'adoption', round: () => adoptionRound(self) },
        {
          name: 'events',
          round: async () => ((await flushEvents(self.database, self.publisher, self.log)) > 0 ? 0 : FLUSH_EVERY_MS),
        },
      ],
      routes: (router, scoped) => {
        deploymentRoutes(router, self);
        approvalRoutes(scoped('approve'), self);
      },
      stop: () => round.stop(),
    };
  },
};

function open(context: ServiceContext): { self: Deployer; round: DeploymentsRound } {
  const { dockerHost, config, clock, log } = context;
  const known = dockerAddress(dockerHost);
  // The other services of the process must start all the same: requests wait, and say so.
  if (known === undefined) log.error({ dockerHost }, 'DOCKER_HOST: expected unix:// or tcp://: deployments wait for an engine');
  const address = known ?? { socketPath: join(context.home, 'no-engine.sock') };
  const self: Deployer = {
    ...context,
    database: context.database.withTables<Tables>(),
    engine: new Engine(address),
    compose: new Compose(dockerHost),
    stack: new Stack(dockerHost),
    orchestrators: { compose, swarm },
    probe: (services) => {
      const asked = services.flatMap(({ service: composed, inventory }) => {
        const found = config.inventory.services.find(({ name }) => name === inventory);
        return found === undefined || found.paused ? [] : [{ composed, known: found }];
      });
      return inventoryProber(asked, { clock, log, everyMs: config.deploy.watch.every });
    },
    nudge: () => round.nudge(),
  };
  const round = new DeploymentsRound(self);
  return { self, round };
}
