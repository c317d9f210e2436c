import { execFileSync } from 'node:child_process';
import { openSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { now, until } from './clock.mjs';
import { eventOf, followStreams } from './follow.mjs';

/**
 * Everything that anybody says, with the time at which it reached this process: ours as entries of the streams (a blocking read),
 * Alertmanager's by webhook, monit's by a pipe that its action writes to.
 */
export class Notices {
  /** @type {{by: string, what: string, bad: boolean, at: number, event?: object}[]} */
  heard = [];
  #closers = [];

  /** The first notice of this kind since a time, or undefined when none comes within `within` ms. */
  async next({ by, what, bad, since }, within = 15_000) {
    const find = () => this.heard.find((one) => one.by === by && one.what === what && one.bad === bad && one.at >= since);
    await until(() => find() !== undefined, within, `${by}: ${what}`).catch(() => undefined);
    return find();
  }

  /** What somebody says of a thing now: true for bad, false for good, undefined for nothing yet. */
  last(by, what) {
    return this.heard.findLast((one) => one.by === by && one.what === what)?.bad;
  }

  /** Listens to a bus. Alerts are known by their service, a level is `level`; both are of one host. */
  async hearBus(redisUrl, host) {
    const close = await followStreams(redisUrl, ['ops:alerts', 'ops:guard'], ({ fields, at }) => {
      const notice = ofEvent(eventOf(fields), host);
      if (notice !== undefined) this.heard.push({ by: 'ours', at, ...notice });
    });
    this.#closers.push(close);
  }

  /** @returns the address of the webhook for Alertmanager; its alerts are known by the label `what` */
  async hearWebhooks() {
    const server = createServer((request, response) => {
      const at = now();
      let body = '';
      request.on('data', (part) => {
        body += part;
      });
      request.on('end', () => {
        response.end();
        for (const { status, labels } of JSON.parse(body).alerts)
          this.heard.push({ by: 'prometheus', what: labels.what, bad: status === 'firing', at });
      });
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.#closers.push(() => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${server.address().port}/`;
  }

  /** @returns what monit executes to say that something is bad or good again: a shell that writes one line, about a millisecond */
  hearPipe(folder) {
    const pipe = join(folder, 'said');
    execFileSync('mkfifo', [pipe]);
    const script = join(folder, 'say');
    writeFileSync(script, `echo "$1 $2" > ${pipe}\n`);
    // Open for both: a pipe without a writer would end after each line.
    const socket = new Socket({ fd: openSync(pipe, 'r+'), readable: true, writable: false });
    socket.setEncoding('utf8').on('data', (lines) => {
      const at = now();
      for (const line of lines.trim().split('\n')) {
        const [what, how] = line.split(' ');
        this.heard.push({ by: 'monit', what, bad: how === 'bad', at });
      }
    });
    this.#closers.push(() => socket.destroy());
    return (what, how) => `/bin/sh ${script} ${what} ${how}`;
  }

  async close() {
    for (const close of this.#closers) await close();
  }
}

function ofEvent(event, host) {
  if (event.host !== host) return undefined;
  if (event.type === 'alert.raised') return { what: event.data.service, bad: true, event };
  if (event.type === 'alert.cleared') return { what: event.data.service, bad: false, event };
  if (event.type === 'guard.level-changed') return { what: 'level', bad: event.data.level !== 'normal', event };
  if (event.type === 'guard.runaway-handled') return { what: 'runaway', bad: true, event };
  return undefined;
}
