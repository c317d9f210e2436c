import { createServer, type Server } from 'node:net';
import { ProxiedConnection, type Weather } from './proxied-connection.js';

/** A TCP proxy on loopback that makes the network fail on demand. */
export interface FaultProxy {
  host: '127.0.0.1';
  port: number;
  /** How many connections go through it now. */
  connections(): number;
  /** Nothing gets through in either direction, closing included; connections stay open, new ones are accepted. What was held goes on after `heal`. */
  blackhole(): void;
  /** Those that are connected now are half-open for ever: nothing gets through, and neither side hears of it. New ones work. */
  strand(): void;
  /** Those that are connected now are held up until `heal`, as by a network that tries again ever later; new ones work. */
  stall(): void;
  /** Delays each direction by this many ms. */
  latency(ms: number): void;
  /** Replies of the target are swallowed from now on; connections that lost some are reset by `heal`. */
  cutReplies(): void;
  /** Swallows the next reply of the target and resets its connection. Resolves when that has happened. */
  cutNextReply(): Promise<void>;
  /** Resets (RST) every connection, towards both sides. */
  reset(): void;
  /** New connections are refused; those that exist stay. */
  refuse(): Promise<void>;
  /** Ends every fault. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy before a target, which is looked at for every new connection. Throws what listening throws. */
export async function faultProxy(target: { host?: string; port: number }): Promise<FaultProxy> {
  const connections = new Set<ProxiedConnection>();
  const weather: Weather = { blackhole: false, latency: 0, cutReplies: false, onCutNext: undefined };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const connection = new ProxiedConnection(client, { host: target.host ?? '127.0.0.1', port: target.port }, weather, () =>
      connections.delete(connection),
    );
    connections.add(connection);
  });
  await listen(server, 0);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const reset = () => {
    for (const connection of [...connections]) connection.reset();
  };
  // Closing only stops listening at once; its callback waits for connections, which is not meant here.
  const refuse = async () => {
    if (server.listening) server.close();
  };
  return {
    host: '127.0.0.1',
    port,
    connections: () => connections.size,
    blackhole: () => {
      weather.blackhole = true;
    },
    strand: () => {
      for (const connection of connections) connection.strand();
    },
    stall: () => {
      for (const connection of connections) connection.stall();
    },
    latency: (ms) => {
      weather.latency = ms;
    },
    cutReplies: () => {
      weather.cutReplies = true;
    },
    cutNextReply: () =>
      new Promise((resolve) => {
        weather.onCutNext = resolve;
      }),
    reset,
    refuse,
    heal: async () => {
      Object.assign(weather, { blackhole: false, latency: 0, cutReplies: false, onCutNext: undefined } satisfies Weather);
      for (const connection of [...connections]) connection.heal();
      if (!server.listening) await listen(server, port);
    },
    close: async () => {
      await refuse();
      reset();
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
