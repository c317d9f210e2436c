import { connect, createServer, type Server, type Socket } from 'node:net';

/** `before`: the server has not heard of it. `after`: it is done, and the deployer has not heard so. */
export type Phase = 'before' | 'after';

/**
 * PostgreSQL behind a proxy that can stop at any write of the journal: at the commit of each transaction that proves its lease.
 * Numbers begin at 1 and count over all connections.
 */
export class HeldJournal {
  readonly url: string;
  /** Called at each boundary; nothing goes on until it resolves. */
  at: (boundary: number, phase: Phase) => Promise<void> | void = () => undefined;
  #count = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  static async open(databaseUrl: string): Promise<HeldJournal> {
    const target = new URL(databaseUrl);
    const server = createServer((down) => held.#serve(down, target));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const own = new URL(databaseUrl);
    own.port = String((server.address() as { port: number }).port);
    const held = new HeldJournal(server, own.href);
    return held;
  }

  /** Journal writes so far. */
  get boundaries(): number {
    return this.#count;
  }

  reset(): void {
    this.#count = 0;
  }

  /** Ends every connection, as the death of the deployer does. */
  hangUp(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  async close(): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(down: Socket, target: URL): void {
    const up = connect(Number(target.port), target.hostname);
    for (const socket of [down, up]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        down.destroy();
        up.destroy();
        this.#sockets.delete(socket);
      });
    }
    let said = '';
    let pending = 0;
    let turn: Promise<void> = Promise.resolve();
    down.on('data', (bytes) => {
      const text = bytes.toString('latin1');
      said = /\bbegin\b/.test(text) ? text : (said + text).slice(-100_000);
      const isJournal = /\bcommit\b/.test(text) && said.includes('project_lease') && said.includes('for update');
      turn = turn.then(async () => {
        if (!isJournal) return void up.write(bytes);
        this.#count += 1;
        pending = this.#count;
        await this.at(pending, 'before');
        up.write(bytes);
      });
    });
    up.on('data', (bytes) => {
      turn = turn.then(async () => {
        if (pending > 0) {
          const boundary = pending;
          pending = 0;
          await this.at(boundary, 'after');
        }
        down.write(bytes);
      });
    });
  }
}
