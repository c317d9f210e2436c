import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pause, startService } from '../service-process.mjs';
import { startMonit } from './monit.mjs';
import { Notices } from './notices.mjs';
import { startPrometheus } from './prometheus.mjs';

const SETTLE_MS = 4000;

/**
 * A place where a part of the benchmark is measured: a folder, everything that is said, and what runs there. All of it ends with the work.
 * @param {(stand: Stand) => Promise<string>} work
 */
export async function withStand(bench, name, work) {
  const stand = new Stand(bench, name);
  mkdirSync(stand.folder, { recursive: true });
  try {
    return await work(stand);
  } finally {
    await stand.close();
  }
}

class Stand {
  notices = new Notices();
  #bench;
  #running = [];

  constructor(bench, name) {
    this.#bench = bench;
    this.folder = join(bench.folder, name);
    this.host = `bench-${name}`;
  }

  /** What must be stopped in the end, the last first. */
  keep(running) {
    this.#running.push(running);
    return running;
  }

  /**
   * Starts all three as processes of their own, and gives each the time to have looked at everything.
   * @param watched.config ours, in ops.yaml's words
   * @param watched.monit monit's checks, given what says something: `(what, 'bad' | 'good') => command`
   * @param watched.targets Prometheus' targets, by name; `rules` its expressions, by name
   */
  async watch({ config, monit, targets, rules }) {
    const { peers, redisUrl } = this.#bench;
    await this.notices.hearBus(redisUrl, this.host);
    const watchers = {};
    if (peers.monit) watchers.monit = this.keep(startMonit(this.#bench, this.folder, monit(this.notices.hearPipe(this.folder))));
    if (peers.prometheus && peers.alertmanager && peers.node_exporter) {
      const webhook = await this.notices.hearWebhooks();
      watchers.prometheus = this.keep(await startPrometheus(this.#bench, this.folder, { webhook, targets, rules }));
    }
    watchers.ours = this.keep(await startService(this.#bench, 'monitor', { host: this.host, ...config }, `${this.host}-monitor`));
    await pause(SETTLE_MS);
    return watchers;
  }

  async close() {
    for (const one of this.#running.toReversed()) await one.stop();
    await this.notices.close();
  }
}
