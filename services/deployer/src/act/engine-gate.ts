import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestOptions, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { DockerOptions } from 'dockerode';

export interface EngineGateOptions {
  readonly engine: DockerOptions;
  /** Container ids that the caller must not see: the old version, which stays until the new one is proven. */
  readonly hidden: ReadonlySet<string>;
  /** Why nothing may be changed now; undefined while it may. Asked before every call that changes something. */
  readonly refusal: () => string | undefined;
}

/** The engine as one deployment may see and use it. */
export interface EngineGate {
  readonly socket: string;
  close(): Promise<void>;
}

const LIST = /^(?:\/v[\d.]+)?\/containers\/json(?:\?|$)/;
const ONE = /^(?:\/v[\d.]+)?\/containers\/([0-9a-f]{64})(?:[/?]|$)/;

/**
 * Stands between `docker compose` and the engine, on a socket of its own. Three things follow. Compose cannot see, and so not
 * recreate, the containers of the old version. What Compose may change ends with our lease: a deployer that was frozen and
 * comes back changes nothing. And Compose ends with us: a killed deployer leaves nobody behind who goes on
 * (docs/decisions/0008).
 */
export async function openEngineGate(options: EngineGateOptions): Promise<EngineGate> {
  const folder = await mkdtemp(join(tmpdir(), 'ops-gate-'));
  const socket = join(folder, 's');
  const server = createServer((incoming, outgoing) => pass(options, incoming, outgoing));
  server.on('upgrade', (incoming: IncomingMessage, down: Duplex, head: Buffer) => upgrade(options, incoming, down, head));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    socket,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function pass(options: EngineGateOptions, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method = 'GET', url = '/' } = incoming;
  const why = refusalOf(options, method, url);
  if (why !== undefined) {
    refuse(outgoing, why);
    return;
  }
  const upstream = request({ ...address(options.engine), method, path: url, headers: incoming.headers }, (answer) => {
    if (method === 'GET' && LIST.test(url)) {
      void withoutHidden(options.hidden, answer, outgoing);
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(outgoing);
  });
  upstream.on('error', (error) => (outgoing.headersSent ? outgoing.destroy(error) : refuse(outgoing, error.message, 502)));
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}

function refusalOf({ hidden, refusal }: EngineGateOptions, method: string, url: string): string | undefined {
  const [, id] = ONE.exec(url) ?? [];
  if (id !== undefined && hidden.has(id)) return 'this container belongs to the version before, which is kept';
  return method === 'GET' || method === 'HEAD' ? undefined : refusal();
}

function refuse(outgoing: ServerResponse, message: string, status = 403): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ message }));
}

async function withoutHidden(hidden: ReadonlySet<string>, answer: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  try {
    const parts: Buffer[] = [];
    for await (const part of answer as AsyncIterable<Buffer>) parts.push(part);
    const text = Buffer.concat(parts).toString('utf8');
    const seen = answer.statusCode === 200 ? JSON.stringify(visible(JSON.parse(text), hidden)) : text;
    const { 'transfer-encoding': _chunked, ...headers } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': Buffer.byteLength(seen) });
    outgoing.end(seen);
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : undefined);
  }
}

function visible(listed: unknown, hidden: ReadonlySet<string>): unknown {
  return Array.isArray(listed) ? listed.filter(({ Id }: { Id: string }) => !hidden.has(Id)) : listed;
}

// A connection that becomes a stream (attach, a builder's session): bytes go through as they are.
function upgrade(options: EngineGateOptions, incoming: IncomingMessage, down: Duplex, head: Buffer): void {
  const { method = 'POST', url = '/' } = incoming;
  if (refusalOf(options, method, url) !== undefined) {
    down.destroy();
    return;
  }
  const upstream = request({ ...address(options.engine), method, path: url, headers: incoming.headers });
  upstream.on('upgrade', (answer, up, rest) => {
    const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${String(value)}\r\n`);
    down.write(`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('')}\r\n`);
    if (rest.length > 0) down.write(rest);
    if (head.length > 0) up.write(head);
    up.pipe(down).pipe(up);
    const end = () => {
      up.destroy();
      down.destroy();
    };
    up.on('error', end);
    down.on('error', end);
  });
  upstream.on('error', () => down.destroy());
  upstream.end();
}

function address(engine: DockerOptions): RequestOptions {
  return engine.socketPath !== undefined
    ? { socketPath: engine.socketPath }
    : { host: engine.host ?? null, port: engine.port ?? null };
}
