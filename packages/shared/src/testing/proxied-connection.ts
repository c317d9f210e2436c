import { connect, type Socket } from 'node:net';

/** What the network does to every connection now. */
export interface Weather {
  blackhole: boolean;
  latency: number;
  cutReplies: boolean;
  onCutNext: (() => void) | undefined;
}

/** One connection through the proxy: what comes in on a side is a step, and steps are taken in order, when the weather allows. */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #target: Socket;
  readonly #weather: Weather;
  readonly #held: (() => void)[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  #lostReplies = false;
  #stranded = false;
  #stalled = false;

  constructor(client: Socket, target: { host: string; port: number }, weather: Weather, closed: () => void) {
    this.#client = client;
    this.#weather = weather;
    this.#target = connect({ ...target, allowHalfOpen: true });
    this.#wire(client, this.#target, false);
    this.#wire(this.#target, client, true);
    let open = 2;
    for (const socket of [client, this.#target]) {
      socket.setNoDelay(true);
      socket.once('close', () => {
        open -= 1;
        if (open === 0) closed();
      });
    }
  }

  /** Sends RST to both sides. */
  reset(): void {
    this.#held.length = 0;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const socket of [this.#client, this.#target]) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  /** Nothing gets through any more, also after `heal`, and neither side hears of it. */
  strand(): void {
    this.#stranded = true;
  }

  /** Holds what comes from now on, until `heal`. */
  stall(): void {
    this.#stalled = true;
  }

  /** Lets what was held go on; a stream with a hole in it cannot. */
  heal(): void {
    this.#stalled = false;
    if (this.#lostReplies) this.reset();
    for (const step of this.#held.splice(0)) step();
  }

  #wire(from: Socket, to: Socket, isReply: boolean): void {
    const delayed: (() => void)[] = [];
    from.on('data', (part) => this.#later(delayed, () => this.#pass(part, to, isReply)));
    from.once('end', () => this.#later(delayed, () => to.end()));
    from.once('error', () => this.#later(delayed, () => to.resetAndDestroy()));
    from.once('close', () => this.#later(delayed, () => to.destroySoon()));
  }

  #pass(part: Buffer, to: Socket, isReply: boolean): void {
    const cutNext = isReply ? this.#weather.onCutNext : undefined;
    if (cutNext !== undefined) {
      this.#weather.onCutNext = undefined;
      this.reset();
      cutNext();
    } else if (isReply && this.#weather.cutReplies) this.#lostReplies = true;
    else if (to.writable) to.write(part);
  }

  #later(delayed: (() => void)[], step: () => void): void {
    if (this.#weather.latency === 0 && delayed.length === 0) {
      this.#now(step);
      return;
    }
    // Each timer lets the oldest go, so that nothing overtakes when the latency changes.
    delayed.push(step);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      const oldest = delayed.shift();
      if (oldest !== undefined) this.#now(oldest);
    }, this.#weather.latency);
    this.#timers.add(timer);
  }

  #now(step: () => void): void {
    if (this.#stranded) return;
    if (this.#weather.blackhole || this.#stalled) this.#held.push(step);
    else step();
  }
}
