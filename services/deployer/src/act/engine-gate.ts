import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestOptions, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import type { DockerOptions } from 'dockerode';

export interface EngineGateOptions {
  readonly engine: DockerOptions;
  /** Container ids that the caller must not see: the old version, which stays until the new one is proven. */
  readonly hidden: ReadonlySet<string>;
  /** Containers that may be changed besides those that are made through the gate: whatever else there is stays as it is. */
  readonly changeable: ReadonlySet<string>;
  /** Why nothing may be changed now; undefined while it may. Asked before every call that changes something. */
  readonly refusal: () => string | undefined;
}

/** The engine as one deployment may see and use it. */
export interface EngineGate {
  readonly socket: string;
  close(): Promise<void>;
}

type Gate = EngineGateOptions & { readonly made: Set<string> };

const CREATE = /^(?:\/v[\d.]+)?\/containers\/create(?:\?|$)/;
const START = /\/start(?:\?|$)/;
const LIST = /^(?:\/v[\d.]+)?\/containers\/json(?:\?|$)/;
const ONE = /^(?:\/v[\d.]+)?\/containers\/([0-9a-f]{64})(?:[/?]|$)/;

/**
 * Stands between `docker compose` and the engine, on a socket of its own. Three things follow. Compose cannot see, and so not
 * recreate, the containers of the old version. What Compose may change ends with our lease: a deployer that was frozen and
 * comes back changes nothing. And Compose ends with us: a killed deployer leaves nobody behind who goes on
 * (docs/decisions/0008).
 */
export async function openEngineGate(options: EngineGateOptions): Promise<EngineGate> {
  const gate: Gate = { ...options, made: new Set() };
  const folder = await mkdtemp(join(tmpdir(), 'ops-gate-'));
  const socket = join(folder, 's');
  const server = createServer((incoming, outgoing) => pass(gate, incoming, outgoing));
  server.on('upgrade', (incoming: IncomingMessage, down: Duplex, head: Buffer) => upgrade(gate, incoming, down, head));
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

function pass(gate: Gate, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { method = 'GET', url = '/' } = incoming;
  const why = refusalOf(gate, method, url);
  if (why !== undefined) {
    refuse(outgoing, why.message, why.status);
    return;
  }
  const upstream = request({ ...address(gate.engine), method, path: url, headers: incoming.headers }, (answer) => {
    const whole =
      method === 'GET' && LIST.test(url) ? seenOf(gate) : method === 'POST' && CREATE.test(url) ? madeOf(gate) : undefined;
    if (whole !== undefined) {
      void rewritten(answer, outgoing, whole);
      return;
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
    // An engine that ends in the middle of its answer must not leave Compose waiting for the rest.
    pipeline(answer, outgoing, (error) => {
      if (error != null) outgoing.destroy();
    });
  });
  upstream.on('error', (error) => (outgoing.headersSent ? outgoing.destroy(error) : refuse(outgoing, error.message, 502)));
  outgoing.on('close', () => upstream.destroy());
  incoming.pipe(upstream);
}

function refusalOf(gate: Gate, method: string, url: string): { readonly status: number; readonly message: string } | undefined {
  const [, id] = ONE.exec(url) ?? [];
  if (id !== undefined && gate.hidden.has(id))
    return { status: 403, message: 'this container belongs to the version before, which is kept' };
  if (method === 'GET' || method === 'HEAD') return undefined;
  const message = gate.refusal();
  if (message !== undefined) return { status: 403, message };
  if (id === undefined || gate.made.has(id) || gate.changeable.has(id)) return undefined;
  // Compose starts whatever a service depends on, also what has done its work: it is told that it runs already.
  return START.test(url)
    ? { status: 304, message: '' }
    : { status: 403, message: 'this container is not part of the deployment' };
}

function refuse(outgoing: ServerResponse, message: string, status: number): void {
  if (status === 304) {
    outgoing.writeHead(304);
    outgoing.end();
    return;
  }
  outgoing.writeHead(status, { 'content-type': 'application/json' });
  outgoing.end(JSON.stringify({ message }));
}

const seenOf =
  ({ hidden }: Gate) =>
  (text: string) => {
    const listed: unknown = JSON.parse(text);
    return Array.isArray(listed) ? JSON.stringify(listed.filter(({ Id }: { Id: string }) => !hidden.has(Id))) : text;
  };

const madeOf =
  ({ made }: Gate) =>
  (text: string) => {
    const { Id } = JSON.parse(text) as { Id?: string };
    if (Id !== undefined) made.add(Id);
    return text;
  };

async function rewritten(answer: IncomingMessage, outgoing: ServerResponse, change: (text: string) => string): Promise<void> {
  try {
    const parts: Buffer[] = [];
    for await (const part of answer as AsyncIterable<Buffer>) parts.push(part);
    const text = Buffer.concat(parts).toString('utf8');
    const seen = (answer.statusCode ?? 0) < 300 ? change(text) : text;
    const { 'transfer-encoding': _chunked, ...headers } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': Buffer.byteLength(seen) });
    outgoing.end(seen);
  } catch (error) {
    outgoing.destroy(error instanceof Error ? error : undefined);
  }
}

// A connection that becomes a stream (attach, a builder's session): bytes go through as they are.
function upgrade(options: Gate, incoming: IncomingMessage, down: Duplex, head: Buffer): void {
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
