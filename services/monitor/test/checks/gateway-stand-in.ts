import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { listening } from './listening.js';

export interface Job {
  readonly id: string;
  readonly enabled: boolean;
  readonly declarationKey?: string;
}

type Refusal = { readonly code: string; readonly message: string; readonly details?: object };
type Reply = { readonly payload: object } | { readonly error: Refusal; readonly close?: number };

const request = z.object({
  type: z.literal('req'),
  id: z.string(),
  method: z.string(),
  params: z.record(z.string(), z.unknown()),
});
const introduction = z.object({
  minProtocol: z.number(),
  maxProtocol: z.number(),
  client: z.object({ id: z.string() }),
  scopes: z.array(z.string()),
  auth: z.object({ token: z.string() }).optional(),
});

/** An OpenClaw gateway of protocol 3 (2026.2) or 4 (2026.9), as far as its health goes: its frames are those of the real one. */
export class GatewayStandIn {
  // What it says; a test may change it while it runs.
  ok = true;
  running = true;
  jobs: readonly Job[] = [];
  /** No method is answered. */
  silent = false;
  /** Rows that one answer of cron.list has at most. */
  page = 200;
  refuseCron: Refusal | undefined;
  refuseConnect: Refusal | undefined;
  /** Methods in the order in which they were called. */
  readonly calls: string[] = [];
  readonly introductions: z.infer<typeof introduction>[] = [];
  readonly #protocol: 3 | 4;
  readonly #token: string;
  // Its pages are there too, and are answered by 200 whatever is asked for.
  readonly #http = createServer((_request, response) => response.end('<!doctype html><title>OpenClaw Control</title>'));
  readonly #server = new WebSocketServer({ server: this.#http });
  #held: (() => void)[] | undefined;
  #port = 0;

  private constructor(protocol: 3 | 4, token: string) {
    this.#protocol = protocol;
    this.#token = token;
    this.#server.on('connection', (socket) => {
      socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: Date.now() } }));
      socket.on('message', (data) => this.#take(socket, request.parse(JSON.parse(String(data)))));
    });
  }

  static async start(protocol: 3 | 4, token: string): Promise<GatewayStandIn> {
    const gateway = new GatewayStandIn(protocol, token);
    gateway.#port = await listening(gateway.#http);
    return gateway;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  get connections(): number {
    return this.#server.clients.size;
  }

  called(method: string): number {
    return this.calls.filter((one) => one.startsWith(method)).length;
  }

  /** From now on cron.* waits, as it does before 2026.9 while a job runs. */
  beginJob(): void {
    this.#held ??= [];
  }

  /** What waited is answered. */
  endJob(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const answer of held) answer();
  }

  /** Ends all connections, as a restart does. */
  hangUp(): void {
    for (const socket of this.#server.clients) socket.close(1012, 'service restart');
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    this.#server.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #take(socket: WebSocket, { id, method, params }: z.infer<typeof request>): void {
    this.calls.push(method);
    if (this.silent) return;
    // Whatever else it tells everybody comes in between.
    socket.send(JSON.stringify({ type: 'event', event: 'tick', payload: { ts: Date.now() }, seq: this.calls.length }));
    const answer = () => {
      const reply = this.#reply(method, params);
      const failed = 'error' in reply;
      socket.send(JSON.stringify({ type: 'res', id, ok: !failed, ...(failed ? { error: reply.error } : reply) }));
      if (failed && reply.close !== undefined) socket.close(reply.close, reply.error.message);
    };
    if (this.#held !== undefined && method.startsWith('cron.')) this.#held.push(answer);
    else answer();
  }

  #reply(method: string, params: Record<string, unknown>): Reply {
    if (method === 'connect') return this.#connect(introduction.parse(params));
    if (method === 'health') return { payload: { ok: this.ok, ts: Date.now(), durationMs: 1, channels: {} } };
    if (method.startsWith('cron.') && this.refuseCron !== undefined) return { error: this.refuseCron };
    if (method === 'cron.status') return { payload: { enabled: this.running, storePath: 'STATE_DIR', jobs: this.jobs.length } };
    if (method === 'cron.list') return this.#list(params);
    return invalid(`unknown method: ${method}`);
  }

  #connect(who: z.infer<typeof introduction>): Reply {
    this.introductions.push(who);
    if (this.refuseConnect !== undefined) return { error: this.refuseConnect, close: 1013 };
    const protocol = this.#protocol;
    if (who.minProtocol > protocol || who.maxProtocol < protocol) return { ...invalid('protocol mismatch'), close: 1002 };
    if (who.client.id !== 'gateway-client') return { ...invalid('invalid connect params: at /client/id'), close: 1008 };
    if (who.auth === undefined) return { error: { code: 'NOT_PAIRED', message: 'device identity required' }, close: 1008 };
    if (who.auth.token !== this.#token) {
      return { ...invalid('unauthorized: gateway token mismatch (provide gateway auth token)'), close: 1008 };
    }
    const version = protocol === 4 ? '2026.9.6' : 'dev';
    return { payload: { type: 'hello-ok', protocol, server: { version }, auth: { role: 'operator', scopes: who.scopes } } };
  }

  #list(params: Record<string, unknown>): Reply {
    const known = ['includeDisabled', ...(this.#protocol === 4 ? ['offset', 'limit'] : [])];
    const unknown = Object.keys(params).filter((key) => !known.includes(key));
    if (unknown.length > 0) return invalid(`invalid cron.list params: unexpected ${unknown.join(', ')}`);
    const all = this.jobs.filter((job) => params.includeDisabled === true || job.enabled);
    if (this.#protocol === 3) return { payload: { jobs: all } };
    const offset = Number(params.offset ?? 0);
    const jobs = all.slice(offset, offset + this.page);
    const end = offset + jobs.length;
    const hasMore = end < all.length;
    return { payload: { jobs, total: all.length, offset, limit: this.page, hasMore, nextOffset: hasMore ? end : null } };
  }
}

function invalid(message: string): { readonly error: Refusal } {
  return { error: { code: 'INVALID_REQUEST', message } };
}
