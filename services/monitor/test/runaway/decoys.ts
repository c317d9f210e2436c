import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { shareOf } from './guarded-host.js';
import { type Hog, startHogOf } from './hog.js';
import type { OwnGroup } from './own-group.js';

/** What is told apart: everything here may be ended by its name or a text in its command line, but for what spares it. */
export const marks = (run: string) => ({
  hog: `hog-${run}`.slice(0, 15),
  any: `of-run-${run}`,
  guarded: `guarded-${run}`,
  never: `never-${run}`,
});

/** ops.yaml's part of it: whatever this run starts may be ended, and each decoy is spared for a reason of its own. */
export const rules = (run: string, group: OwnGroup) => {
  const { any, guarded, never } = marks(run);
  return {
    services: `, { name: guarded, port: 2, health: { tcp: { port: 2 } }, paused: true, processes: { commands: [${guarded}] } }`,
    runaway: `eligible: { commands: [${any}] }, never: [decoy-named, { command: ${never} }], ram: { min_share: ${shareOf(group, 100)}, grace: 500ms }`,
  };
};

export interface Decoys {
  /** Those that were ended, by what spares them. */
  ended(): string[];
  end(): Promise<void>;
}

/** Processes that hold more than a hog does when it is ended, and must outlive every trial. */
export async function startDecoys(run: string, group: OwnGroup, mebibytes: number): Promise<Decoys> {
  const { any, guarded, never } = marks(run);
  const hold = (name: string, ...more: string[]) => startHogOf(name, { mebibytes, marks: [any, ...more], through: group.into });
  const decoys: Record<string, Pick<Hog, 'child' | 'isAlive'>> = {
    'a service of the inventory': await hold('decoy-service', guarded),
    'a name that ops.yaml spares': await hold('decoy-named'),
    'a text that ops.yaml spares': await hold('decoy-text', never),
    // The kernel keeps the name of the program, whatever it says of itself.
    'a login shell': await shell(any, group, mebibytes),
    'a child of a service': await childOf(guarded, any, group, mebibytes),
    // It shares the run's mark and is too small to be worth it.
    'a small one': await startHogOf('decoy-small', { mebibytes: 16, marks: [any], through: group.into }),
  };
  return {
    ended: () => Object.entries(decoys).flatMap(([what, { isAlive }]) => (isAlive() ? [] : [what])),
    end: async () => {
      await Promise.all(
        Object.values(decoys).map(async ({ child, isAlive }) => {
          if (!isAlive()) return;
          const ended = once(child, 'exit');
          child.stdin?.destroy();
          child.kill('SIGKILL');
          await ended;
        }),
      );
    },
  };
}

/** A shell as a person has it, which has come to hold much itself. */
async function shell(any: string, { into }: OwnGroup, mebibytes: number): Promise<Pick<Hog, 'child' | 'isAlive'>> {
  const script = `x=$(head -c ${mebibytes * 2 ** 20} /dev/zero | tr '\\0' x); echo ready; read y`;
  const [program = '', ...args] = [...into, 'bash', '-c', 'exec -a -bash bash -c "$1" "$2"', 'bash', script, any];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  await once(child.stdout, 'data');
  return { child, isAlive: () => child.exitCode === null && child.signalCode === null };
}

/** A service's child in a group of its own, of which nothing but its parent speaks. */
async function childOf(
  guarded: string,
  any: string,
  { into }: OwnGroup,
  mebibytes: number,
): Promise<Pick<Hog, 'child' | 'isAlive'>> {
  const held = `const held=Buffer.alloc(${mebibytes}*1048576,1);process.stdin.on('end',()=>process.exit(0)).resume();process.stdout.write('r'+held.length)`;
  const script = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(held)}, '--', '${any}'], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
    child.stdout.once('data', () => process.stdout.write('ready'));
    child.once('exit', () => process.exit(1));
    process.stdin.on('end', () => process.exit(0)).resume();`;
  const [program = '', ...args] = [...into, process.execPath, '-e', script, '--', guarded];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  await once(child.stdout, 'data');
  return { child, isAlive: () => child.exitCode === null && child.signalCode === null };
}

/** A batch on every core, as an operator starts one that is to disturb nobody. */
export function batchAtNice19(run: string, group: OwnGroup): { readonly end: () => void; readonly isAlive: () => boolean } {
  const burners = Array.from({ length: availableParallelism() }, () =>
    burner([...group.into, 'nice', '-n', '19'], marks(run).any),
  );
  return {
    end: () => {
      for (const one of burners) one.kill('SIGKILL');
    },
    isAlive: () => burners.every(({ exitCode, signalCode }) => exitCode === null && signalCode === null),
  };
}

/** Burns one core for a minute at most. */
export function burner([program = '', ...args]: readonly string[], mark = ''): ChildProcess {
  const burn = 'const end=Date.now()+60000;while(Date.now()<end);';
  return spawn(program, [...args, process.execPath, '-e', burn, '--', mark], { stdio: 'ignore', detached: true });
}
