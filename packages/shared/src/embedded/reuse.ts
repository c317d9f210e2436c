import { EmbeddedError } from './errors.js';
import { adopt, stopProcess } from './leash.js';
import { isAlive, isGone } from './process-identity.js';
import type { ServerRecord } from './record.js';
import type { Answer, RunningServer } from './server.js';

export interface ReuseOptions {
  name: string;
  record: ServerRecord | undefined;
  ask: (port: number) => Promise<Answer>;
  stopSignal: 'TERM' | 'INT';
  stop: Parameters<typeof stopProcess>[1];
}

/**
 * Takes over the server that a former process of this home left, when it lives and takes our password.
 * Undefined when there is none; one that is ending is waited for. Throws SERVER_DID_NOT_START when it cannot be ended.
 */
export async function reuse({ name, record, ask, stopSignal, stop }: ReuseOptions): Promise<RunningServer | undefined> {
  if (record === undefined || !isAlive(record.process)) return undefined;
  // Its watcher lives: it is stopping the server this moment, and a server that stops is no use.
  if (record.watcher !== undefined && isAlive(record.watcher) && (await isGone(record.process, 40_000))) return undefined;
  if ((await ask(record.port)) !== 'up') {
    await stopProcess(record.process, stop);
    if (!isAlive(record.process)) return undefined;
    const { pid } = record.process;
    throw new EmbeddedError('SERVER_DID_NOT_START', `a former ${name} of this home (process ${pid}) neither answers nor ends`, {
      server: name,
      pid,
    });
  }
  const leash = adopt(record.process, stopSignal);
  return {
    process: record.process,
    watcher: leash.watcher,
    port: record.port,
    detail: `left running by a former process, pid ${record.process.pid}`,
    alive: () => isAlive(record.process),
    ended: new Promise(() => undefined),
    stop: async () => {
      await stopProcess(record.process, stop);
      leash.letGo();
    },
  };
}
