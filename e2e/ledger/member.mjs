import { fork } from 'node:child_process';
import { setTimeout as wait } from 'node:timers/promises';

const PROBLEMS_KEPT = 50;
const STOP_WITHIN_MS = 10_000;

/** One place in the cast: a producer or a consumer in a process of its own, which dies and comes again under another number. */
export class Member {
  #child;
  #gone = Promise.resolve();
  #lives = 0;
  #expectedEnd = false;
  #given;
  finished;
  problems = [];
  figures = {};

  /** @param given `script`, `name`, `options` of the child, `reaper` */
  constructor(given) {
    this.#given = given;
  }

  get name() {
    return this.#given.name;
  }

  /** The name of the present process, unique among all that ever were. */
  get alias() {
    return `${this.name}-${this.#lives}`;
  }

  get lives() {
    return this.#lives;
  }

  start() {
    const { script, options, reaper } = this.#given;
    this.#lives += 1;
    const child = fork(script, [JSON.stringify({ ...options, name: this.name, alias: this.alias })], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    reaper.add(child.pid);
    let finish;
    this.finished = new Promise((resolve) => {
      finish = resolve;
    });
    child.on('message', ({ problem, figures, finished }) => {
      if (problem !== undefined) this.#note(problem);
      if (figures !== undefined) for (const [key, n] of Object.entries(figures)) this.#atLeast(key, n);
      if (finished) finish();
    });
    child.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        reaper.remove(child.pid);
        if (!this.#expectedEnd) {
          this.#note(`ended by itself: code ${code}, signal ${signal}`);
          this.start();
        }
        resolve();
      });
    });
    this.#expectedEnd = false;
  }

  tell(word) {
    this.#child.send(word, () => undefined);
  }

  /** kill -9 */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** As a deploy does: who does not end in time is killed. */
  async stop() {
    const child = this.#child;
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    await this.#end('SIGTERM');
    clearTimeout(timer);
  }

  async freeze(ms, signal) {
    const child = this.#child;
    child.kill('SIGSTOP');
    await wait(ms, undefined, { signal }).catch(() => undefined);
    child.kill('SIGCONT');
  }

  async #end(signal) {
    this.#expectedEnd = true;
    this.#child?.kill(signal);
    await this.#gone;
  }

  #note(problem) {
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push(`${new Date().toISOString()} ${this.alias}: ${problem}`);
  }

  #atLeast(key, n) {
    this.figures[key] = Math.max(this.figures[key] ?? 0, n);
  }
}
