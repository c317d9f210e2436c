import { Swarm } from '../../act/swarm.js';
import { swarmSource } from '../../act/swarm-source.js';
import type { Orchestrator } from '../orchestrator.js';
import { planOf } from '../step.js';
import { changeWithSwarm } from './change.js';
import { publishedPorts } from './ports.js';
import { endedIds, isNewVersion, isOldVersion } from './scope.js';
import { bringBackServices, rememberedHashes, rememberSpecs, withdrawServices } from './way-back.js';

/** Services of a Swarm, through `docker stack deploy`: their specifications of before are the way back. The verdict is ours. */
export const swarm: Orchestrator = {
  name: 'swarm',
  all: (engine) => swarmSource(engine),
  newVersion: (run) => swarmSource(run.engine, { isSeen: isNewVersion(run), specHashes: run.deployment.facts.spec_hashes ?? {} }),
  async oldVersion(run) {
    return swarmSource(run.engine, { isSeen: isOldVersion(run), specHashes: await rememberedHashes(run) });
  },
  published: publishedPorts,
  async remember(run) {
    const inspected = await rememberSpecs(run);
    const tasks = await new Swarm(run.engine).tasks(planOf(run).project);
    return { inspected, facts: { tasks_before: endedIds(tasks) } };
  },
  change: changeWithSwarm,
  // The Swarm stops and starts by itself, and keeps nothing.
  async handOver() {},
  async letGo() {},
  async stopEnded() {},
  withdraw: withdrawServices,
  bringBack: bringBackServices,
};
