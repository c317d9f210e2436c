import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';

// One burner: busy for a share of every 20 ms (at 1 without the millisecond of a timer), told over stdin; ends when stdin closes, and by
// itself after two minutes.
const BURNER = `
let duty = 0;
process.stdin.on('data', (d) => { duty = Number(String(d).trim().split('\\n').at(-1)); });
process.stdin.on('end', () => process.exit(0));
setTimeout(() => process.exit(0), 120000);
const turn = () => { const end = performance.now() + duty * 20; while (performance.now() < end); if (duty >= 1) setImmediate(turn); else setTimeout(turn, (1 - duty) * 20); };
turn();`;

/** Real CPU load on every core, of a size that can be changed; ended by `end`. */
export interface CpuLoad {
  /** 0 to 1. */
  set(duty: number): void;
  end(): void;
}

export function cpuLoad(): CpuLoad {
  const burners = Array.from({ length: availableParallelism() }, () =>
    spawn(process.execPath, ['-e', BURNER], { stdio: ['pipe', 'ignore', 'ignore'] }),
  );
  for (const burner of burners) burner.stdin.on('error', () => undefined);
  return {
    set: (duty) => {
      for (const burner of burners) burner.stdin.write(`${duty}\n`);
    },
    end: () => {
      for (const burner of burners) burner.kill('SIGKILL');
    },
  };
}

// Holds so many MiB, told over stdin; at most `most`. It ignores SIGTERM where it is told to, so that the ladder is needed.
const HOG = `
const [most, ignore] = process.argv.slice(1);
process.title = 'ops-test-hog';
if (ignore === 'ignore') process.on('SIGTERM', () => {});
const held = [];
process.stdin.on('data', (d) => { const to = Math.min(Number(String(d).trim().split('\\n').at(-1)), Number(most)); while (held.length * 16 < to) held.push(Buffer.alloc(16 * 1048576, 1)); });
process.stdin.on('end', () => process.exit(0));
setTimeout(() => process.exit(0), 120000);`;

/** A real process that holds memory, bounded in size. */
export interface MemoryHog {
  readonly child: ChildProcess;
  hold(mebibytes: number): void;
  end(): void;
}

export function memoryHog(mostMebibytes: number, ignoresTerm: boolean): MemoryHog {
  const child = spawn(process.execPath, ['-e', HOG, String(mostMebibytes), ignoresTerm ? 'ignore' : 'obey'], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  return {
    child,
    hold: (mebibytes) => void child.stdin.write(`${mebibytes}\n`),
    end: () => child.kill('SIGKILL'),
  };
}
