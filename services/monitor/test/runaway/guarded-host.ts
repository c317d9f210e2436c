import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { EventData } from '@ops/shared/events';
import { eventually, freePort, OWN_PROCESS_TOKEN, OwnProcess, type Recorder, recorder } from '@ops/shared/testing';
import type { Hog } from './hog.js';
import type { OwnGroup } from './own-group.js';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
/** MiB from what the machine uses now to where the emergency begins. The monitor itself and what a trial starts beside the hog are of it. */
const ROOM_MIB = 330;
/** Between 16 MiB and the next of a growing hog: at 400 MiB a second it is not much larger when it is chosen than when it crossed the line. */
const GROWTH_PAUSE_MS = 30;
const FIGURES_FOLLOW_MS = 5000;
/** A hog that holds so much more than the room that is left is over the line, however late the figures follow. */
const LAG_MIB = 560;

/** A monitor of its own, as a process that is no ancestor of what it may end, on the real figures of this machine. */
export interface GuardedHost {
  readonly name: string;
  readonly process: OwnProcess;
  /** Where its emergency begins, in bytes of memory in use. */
  readonly emergencyBytes: number;
  level(): Promise<string>;
  /** What it sees and thinks now, beside what the machine says: for a trial that fails. */
  story(): Promise<string>;
  /** The choices of a victim that it recorded, made again. */
  choices(): Promise<
    { readonly plan: { readonly victim: { readonly pid: number } }; readonly replay: { readonly same: boolean } }[]
  >;
  /** What it said of this host, in the order in which it came. */
  said<T extends 'guard.runaway-handled' | 'guard.level-changed'>(type: T): EventData<T>[];
  close(): Promise<void>;
}

let hosts = 0;

export interface GuardedHostOptions {
  /** More services of the inventory, as they stand in a list of YAML. */
  readonly services?: string;
  /** The keys of guard.runaway. */
  readonly runaway: string;
  readonly calm?: string;
  readonly cpu?: string;
  readonly dockerHost?: string | undefined;
}

/** Starts one whose thresholds lie just above what the machine uses now: it is never short of memory. */
export async function guardedHost(
  servers: { redisUrl: string; databaseUrl: string },
  group: OwnGroup,
  { services = '', runaway, calm = '1s', cpu = '{ enter: 10m }', dockerHost }: GuardedHostOptions,
): Promise<GuardedHost> {
  const home = await mkdtemp(join(tmpdir(), 'ops-guarded-'));
  await group.steady();
  const { total, used: bytes } = group.figures();
  const [warn, critical, emergency] = [0.5, 0.75, 1].map((share) => {
    return (((bytes + share * ROOM_MIB * 2 ** 20) * 100) / total).toFixed(3);
  });
  const config = join(home, 'ops.yaml');
  await writeFile(
    config,
    `inventory: { services: [{ name: absent, port: 1, health: { tcp: { port: 1 } }, paused: true, protected: false }${services}] }
guard:
  cpu: ${cpu}
  ram: { warn: ${warn}, critical: ${critical}, emergency: ${emergency}, calm: ${calm}, margin: 0.3 }
  disk: { warn: 99, critical: 100 }
  runaway: { mode: "on", ${runaway} }
docker: { enabled: ${dockerHost !== undefined} }
`,
  );
  hosts += 1;
  const [name, port] = [`guarded-${process.pid}-${hosts}`, await freePort()];
  const child = new OwnProcess({
    ...servers,
    main: MAIN,
    through: group.into,
    config,
    home,
    port,
    env: { OPS_HOST: name, DOCKER_HOST: dockerHost },
  });
  let seen: Recorder | undefined = await recorder(servers.redisUrl, ['ops:guard']);
  const get = async (path: string) =>
    fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${OWN_PROCESS_TOKEN}` } });
  const view = async () => (await (await get('/guard')).json()) as { level: string };
  const level = async () => (await view()).level;
  await Promise.race([child.died, eventually(async () => expect200(await get('/guard')), { within: 30_000 })]);
  return {
    name,
    process: child,
    emergencyBytes: bytes + ROOM_MIB * 2 ** 20,
    level,
    story: async () => {
      const { used, total } = group.figures();
      return `the machine uses ${((used * 100) / total).toFixed(3)} % of ${total}; ${JSON.stringify(await view())}\n${child.log.slice(-5).join('')}`;
    },
    choices: async () => {
      const decisions = (await (await get('/guard/decisions?last=50')).json()) as { kind: string }[];
      return decisions.filter(({ kind }) => kind === 'runaway') as never;
    },
    said: (type) =>
      (seen?.events ?? []).flatMap(({ event }) => (event?.type === type && event.subject === name ? [event.data as never] : [])),
    close: async () => {
      await child.stop();
      await seen?.close();
      seen = undefined;
      await rm(home, { recursive: true, force: true });
    },
  };
}

function expect200({ status }: Response): void {
  if (status !== 200) throw new Error(`answered ${status}`);
}

/** So many MiB as % of memory: the size of a victim is judged by its share. */
export function shareOf({ figures }: OwnGroup, mebibytes: number): string {
  return ((mebibytes * 2 ** 20 * 100) / figures().total).toFixed(3);
}

/**
 * Lets a hog grow until it is over the threshold, and waits until it is ended. In a group of ours it is over when it holds the room that is
 * left, and waits there: a machine that stops for a moment must not let it outgrow its decoys. It goes on where the figures follow late.
 */
export async function growUntilEnded(hog: Hog, host: GuardedHost, { isWholeHost }: OwnGroup): Promise<void> {
  const ended = (within: number) =>
    eventually(
      () => {
        if (hog.isAlive()) throw new Error('the hog is alive');
      },
      { within },
    );
  if (!isWholeHost) {
    await hog.hold(ROOM_MIB, GROWTH_PAUSE_MS);
    await ended(FIGURES_FOLLOW_MS).catch(() => undefined);
  }
  await growPastTheLine(hog);
  await ended(30_000).catch(async ({ message }: Error) => {
    throw new Error(`${message}\n${await host.story()}`);
  });
}

/** Lets a hog hold more than the room that is left, unless it is ended before. */
export async function growPastTheLine(hog: Hog): Promise<void> {
  await hog.hold(ROOM_MIB + LAG_MIB, GROWTH_PAUSE_MS);
}
