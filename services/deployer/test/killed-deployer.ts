import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, freePort, type OwnProcess } from '@ops/shared/testing';
import { Redis } from 'ioredis';
import { expect } from 'vitest';
import { HeldJournal, type Phase } from './held-journal.js';
import { ownDeployer } from './own-process.js';
import type { Scene } from './scene.js';

/** The deployer of a scene as a process of its own, which is killed at boundaries of its journal and started again. */
export class KilledDeployer {
  readonly journal: HeldJournal;
  readonly redis: Redis;
  readonly #scene: Scene;
  readonly #port: number;
  running: OwnProcess;

  private constructor(scene: Scene, journal: HeldJournal, port: number) {
    this.#scene = scene;
    this.#port = port;
    this.journal = journal;
    this.redis = new Redis(scene.host.redisUrl);
    this.running = this.#start();
  }

  /** Takes the place of the scene's own deployer. */
  static async open(scene: Scene): Promise<KilledDeployer> {
    await writeFile(join(scene.home, 'ops.yaml'), scene.yaml);
    await scene.host.hosted.stop();
    return new KilledDeployer(scene, await HeldJournal.open(scene.host.databaseUrl), await freePort());
  }

  async close(): Promise<void> {
    await this.running.stop();
    await this.journal.close();
    this.redis.disconnect();
  }

  /** kill -9: its connections end with it. */
  async kill(): Promise<void> {
    await this.running.kill();
    this.journal.hangUp();
  }

  startAgain(): void {
    this.running = this.#start();
  }

  /** Deploys the whole project, and cuts it at a boundary. Gives how it ended, and whether it came there. */
  async cutAt(boundary: number, phase: Phase, within: number): Promise<Cut> {
    this.journal.reset();
    let killed: Promise<void> | undefined;
    this.journal.at = (at, when) => {
      if (at !== boundary || when !== phase || killed !== undefined) return;
      killed = this.kill();
      return killed;
    };
    const id = await this.#scene.ask({ kind: 'compose', project: 'project' }, this.redis);
    const ended = this.#scene.ending(id, within);
    await Promise.race([ended, this.running.died, eventually(() => expect(killed).toBeDefined(), { within })]);
    const reached = killed !== undefined;
    if (reached) {
      await killed;
      this.journal.at = () => undefined;
      this.startAgain();
    }
    const restarted = performance.now();
    const { type, why } = await Promise.race([ended, this.running.died]);
    this.journal.at = () => undefined;
    const lastWords = this.running.log.slice(-5).join('');
    return { id, type, reached, why: `${why}\n${lastWords}`, tookMs: performance.now() - restarted };
  }

  #start(): OwnProcess {
    return ownDeployer({
      redisUrl: this.#scene.host.redisUrl,
      databaseUrl: this.journal.url,
      config: join(this.#scene.home, 'ops.yaml'),
      home: this.#scene.home,
      port: this.#port,
    });
  }
}

export interface Cut {
  readonly id: string;
  readonly type: string;
  /** Whether it was cut at all: it may have ended before. */
  readonly reached: boolean;
  readonly why: string;
  /** From the start of the next deployer to the verdict. */
  readonly tookMs: number;
}
