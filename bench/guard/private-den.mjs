import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { answers, pause, serviceCommand, TOKEN } from '../service-process.mjs';
import { until } from './clock.mjs';
import { endOf } from './ending.mjs';
import { HOG, readMemory, watchMemory } from './meminfo.mjs';

const DEN = fileURLToPath(new URL('den.mjs', import.meta.url));
/** What makes a pid namespace whose processes all end with its first one, and with us. */
export const UNSHARE = ['--pid', '--fork', '--kill-child', '--mount-proc'];
// How far below what is available the line is at which a guard acts.
const BELOW_KB = 1228 * 1024;
// Where there is less or more than this above the line, in MiB, somebody else has taken or given back so much that another line is needed.
const [LEAST, MOST] = [700, 1900];

/** Whether this machine lets us have processes of our own, that nobody else is among. */
export async function privateDensWork() {
  const child = spawn('unshare', [...UNSHARE, 'true'], { stdio: 'ignore' });
  return new Promise((resolve) => {
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

/**
 * A pid namespace with one guard and the hogs that it may end: it sees nothing else, and can end nothing else.
 * @param who `ours` or `earlyoom`
 */
async function openDen(bench, who, name) {
  const { total, available } = readMemory();
  const line = Math.round(available - BELOW_KB);
  const child = spawn('unshare', [...UNSHARE, process.execPath, DEN], { stdio: ['pipe', 'pipe', 'inherit'] });
  /** @type {number[]} */
  const dead = [];
  let guardEnded;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    for (const said of text
      .trim()
      .split('\n')
      .map((one) => JSON.parse(one))) {
      if (said.dead !== undefined) dead.push(said.dead);
      else guardEnded = said.guardEnded;
    }
  });
  const order = (what, given = {}) => child.stdin.write(`${JSON.stringify({ order: what, ...given })}\n`);
  let memory;
  let asked = async () => '';
  const stop = async () => {
    await memory?.stop();
    child.stdin.end();
    await endOf(child);
  };
  try {
    if (who === 'ours') asked = await startOurs(bench, order, name, { total, available, line }, () => guardEnded);
    else
      order('guard', {
        program: bench.peers.earlyoom.path,
        args: ['-M', `${line}`, '-s', '100', '-r', '0'],
        env: bench.peers.env,
      });
    memory = await watchMemory(line);
    await pause(1500);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    /** Starts a hog; its arguments are those of hog.mjs. */
    hog: (...args) => order('hog', { args: [HOG, ...args.map(String)] }),
    /** How many MiB there are above the line. */
    above: () => (readMemory().available - line) / 1024,
    /** When the line was crossed, and when the hog was dead, since a time; undefined while they were not. */
    crossedSince: (time) => memory.since(time),
    deadSince: (time) => dead.find((at) => at >= time),
    /** What our guard says of itself, to explain what it did not do. */
    guardSays: () => asked().catch((error) => error.message),
    /** Ends what is left of the hogs. */
    end: () => order('end'),
    alive: () => {
      if (guardEnded !== undefined) throw new Error(`${who} has ended: ${guardEnded}`);
    },
    stop,
  };
}

async function startOurs(bench, order, name, { total, available, line }, ended) {
  const percent = (share) => Number((100 * (1 - (available - share * (available - line)) / total)).toFixed(4));
  const guard = {
    // The levels below are on the way, as they are on a real one.
    ram: { warn: percent(0.4), critical: percent(0.7), emergency: percent(1), calm: '500ms', margin: 0.2 },
    // Of CPU alone nobody is ended here.
    cpu: { enter: '10m' },
    runaway: { mode: 'on', unknown: 'eligible', spare_root_daemons: false, ram: { min_share: 1 } },
  };
  const { port, ...command } = await serviceCommand(bench, 'monitor', { host: `bench-${name}`, guard }, name);
  order('guard', command);
  await answers(`http://127.0.0.1:${port}/readyz`, () => {
    if (ended() !== undefined) throw new Error(`the monitor has ended: ${ended()}`);
  });
  const get = async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
    return response.json();
  };
  return async () => {
    const { level, reason, readings } = await get('/guard');
    const decisions = (await get('/guard/decisions?last=8')).map(({ at, kind, to, plan }) => [at, kind, to ?? plan.reason]);
    return JSON.stringify({ level, reason, readings, decisions });
  };
}

/** Dens for one guard: the same one again while its line is where it should be, else a new one. */
export class Dens {
  #open;
  #opened = 0;

  constructor(bench, who, name) {
    this.next = async () => {
      for (let looks = 0; looks < 5; looks += 1) {
        if (this.#open !== undefined) {
          await until(() => this.#open.above() > LEAST, 5000, 'memory is free again').catch(() => undefined);
          await pause(700 + Math.random() * 500);
          this.#open.alive();
          if (this.#open.above() > LEAST && this.#open.above() < MOST) return this.#open;
        }
        await this.stop();
        this.#opened += 1;
        this.#open = await openDen(bench, who, `${name}-${this.#opened}`);
      }
      throw new Error('memory moves too much for this');
    };
  }

  async stop() {
    await this.#open?.stop();
    this.#open = undefined;
  }
}
