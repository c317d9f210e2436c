import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A real HTTP server that stands for somebody else's product. */
export interface HttpStandIn {
  readonly url: string;
  readonly port: number;
  /** What it answers, by path; a path without an answer is a 404. `hang` takes the request and never answers. May be changed while it runs. */
  readonly says: Record<string, Reply | 'hang'>;
  readonly requests: readonly { readonly at: number; readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** How many connections it has had. */
  connections(): number;
  /** How many it has now. */
  open(): number;
  /** Ends its connections. */
  hangUp(): void;
  close(): Promise<void>;
  /** Listens again after `close`, on the same port. */
  start(): Promise<void>;
}

/** Starts an HTTP server with these answers. */
export async function httpStandIn(says: HttpStandIn['says'] = {}): Promise<HttpStandIn> {
  const requests: HttpStandIn['requests'][number][] = [];
  let [had, now] = [0, 0];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push({ at: performance.now(), path, headers: request.headers });
    const reply = says[path.split('?')[0] ?? ''] ?? { status: 404, body: 'not found' };
    if (reply === 'hang') return;
    const { status = 200, headers = {}, body = '' } = reply;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text);
  });
  server.on('connection', (socket) => {
    had += 1;
    now += 1;
    socket.once('close', () => {
      now -= 1;
    });
  });
  await listen(server, 0);
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    says,
    requests,
    connections: () => had,
    open: () => now,
    hangUp: () => server.closeAllConnections(),
    start: () => listen(server, port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
