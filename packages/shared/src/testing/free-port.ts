import { createServer } from 'node:net';

// Below the ports that the kernel gives to connections, which would take one between the look and the use.
const [FIRST, COUNT, SLICES] = [15_000, 17_000, 8];

const size = Math.floor(COUNT / SLICES);
// Each worker of a run of the tests has a slice of its own, and goes through it in order: two of them never choose the same.
const slice = Number(process.env.VITEST_POOL_ID ?? Math.floor(Math.random() * SLICES)) % SLICES;
let next = Math.floor(Math.random() * size);

/** A port that nobody listens on now, and nobody else of this run chooses. So a server may also come back to it after a while. */
export async function freePort(): Promise<number> {
  for (;;) {
    next = (next + 1) % size;
    const port = FIRST + slice * size + next;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
