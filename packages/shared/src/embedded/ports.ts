import { createServer } from 'node:net';

const LOOPBACK = '127.0.0.1';

// The last words of a server whose port was taken, in Redis, PostgreSQL and Node.
const IN_USE = /address already in use|EADDRINUSE/i;

/** True when a server could listen on this port of loopback now. */
export function isFree(port: number): Promise<boolean> {
  return listenOnce(port).then(
    () => true,
    () => false,
  );
}

/** The preferred port when it is free, else one that is. 0 prefers none. `not` is taken already. */
export async function choosePort(preferred: number, not: readonly number[] = []): Promise<number> {
  const usable = Number.isInteger(preferred) && preferred > 0 && preferred < 65_536 && !not.includes(preferred);
  if (usable && (await isFree(preferred))) return preferred;
  for (;;) {
    const port = await listenOnce(0);
    if (!not.includes(port)) return port;
  }
}

/**
 * Chooses a port and starts a server on it, which returns its own. Between the look and the start another program may take the port,
 * even for a moment: then it is done again with another, three times at most. Throws what `start` throws.
 */
export async function onPort<T>(choose: () => Promise<number>, start: (port: number) => Promise<T>): Promise<T> {
  for (let left = 3; ; left -= 1) {
    const port = await choose();
    try {
      return await start(port);
    } catch (error) {
      if (left === 0 || (!IN_USE.test(String(error)) && (await isFree(port)))) throw error;
    }
  }
}

function listenOnce(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
