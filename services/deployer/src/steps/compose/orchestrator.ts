import { composeSource } from '../../act/compose-source.js';
import { isSetAside } from '../../decide/set-aside.js';
import type { Orchestrator } from '../orchestrator.js';
import { planOf } from '../step.js';
import { changeWithCompose } from './change.js';
import { oldIds, removeKept } from './kept.js';
import { bringBackContainers, removeNew, stopEnded } from './way-back.js';

/** Compose on one engine: containers of the version before are kept, stopped, and are the way back. */
export const compose: Orchestrator = {
  name: 'compose',
  all: (engine) => composeSource(engine),
  newVersion: (run) => composeSource(run.engine, oldIds(planOf(run))),
  async oldVersion(run) {
    const containers = await run.engine.containers(planOf(run).project);
    return composeSource(run.engine, new Set(containers.filter(isSetAside).map(({ id }) => id)));
  },
  published: ({ engine }) => engine.publishedPorts(),
  async remember({ deployment, engine }) {
    const ids = (deployment.plan?.services ?? []).flatMap(({ old }) => old.map(({ id }) => id));
    return { inspected: await Promise.all(ids.map((id) => engine.docker.getContainer(id).inspect())) };
  },
  change: changeWithCompose,
  async handOver(run) {
    for (const { strategy, change, old } of planOf(run).services)
      if (strategy === 'start-first' && change === 'replace') await Promise.all(old.map(({ id }) => run.engine.stop(id)));
  },
  letGo: removeKept,
  stopEnded,
  withdraw: removeNew,
  bringBack: bringBackContainers,
};
