import { existsSync } from 'node:fs';
import { eventually } from '@ops/shared/testing';
import { readProcessTable } from '../../src/host/process-table.js';
import { dockerScene } from '../checks/docker-scene.js';
import { marks } from './decoys.js';

/** Containers that hold more than a hog does when it is ended, and must outlive every trial. */
export interface BoxedDecoys {
  readonly dockerHost: string;
  /** Services of the inventory that they belong to, as they stand in a list of YAML. */
  readonly services: string;
  ended(): string[];
  close(): Promise<void>;
}

/** Two on the real engine that DOCKER_HOST names: that of a service of the inventory, and one that says what ops.yaml spares. */
export async function startBoxedDecoys(run: string, mebibytes: number): Promise<BoxedDecoys> {
  const { any, never } = marks(run);
  const scene = await dockerScene();
  const script = `x=$(dd if=/dev/zero bs=1048576 count=${mebibytes} 2>/dev/null | tr '\\0' x); while :; do sleep 60; done`;
  const boxed = async (...texts: string[]) => {
    const name = scene.name();
    const container = await scene.run(name, { command: ['sh', '-c', script, 'sh', any, ...texts] });
    const { Id: id } = await container.inspect();
    const pids = await eventually(
      () => {
        const members = readProcessTable().processes.filter(({ cgroup }) => cgroup?.includes(id));
        if (!members.some(({ rssBytes }) => rssBytes >= mebibytes * 2 ** 20))
          throw new Error(`${name} does not hold its memory yet`);
        return members.filter(({ rssBytes }) => rssBytes >= mebibytes * 2 ** 20).map(({ pid }) => pid);
      },
      { within: 30_000 },
    );
    return { name, isAlive: () => pids.every((pid) => existsSync(`/proc/${pid}`)) };
  };
  const [ofService, spared] = await Promise.all([boxed(), boxed(never)]).catch(async (error: unknown) => {
    await scene.close();
    throw error;
  });
  const decoys = { 'a container of the inventory': ofService, 'a container with a text that ops.yaml spares': spared };
  return {
    dockerHost: scene.host,
    services: `, { name: boxed, port: 3, health: { tcp: { port: 3 } }, paused: true, container: ${ofService.name} }`,
    ended: () => Object.entries(decoys).flatMap(([what, { isAlive }]) => (isAlive() ? [] : [what])),
    close: () => scene.close(),
  };
}
