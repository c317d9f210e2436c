import { createServer } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { invalid, Refusal } from './refusal.js';

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

export type Params = Readonly<Record<string, unknown>>;
export type Method = (params: Params) => object | Promise<object>;

/** A gateway as far as its wire goes: WebSocket, handshake, rights, answers, events. What methods do is told by whoever has it. */
export class Wire {
  /** What it answers to `connect` instead of letting somebody in. */
  refuse: Refusal | undefined;
  /** What it says its protocol is; that of its generation where not given. */
  says: unknown;
  /** Says nothing at all, from the first moment. */
  mute = false;
  /** What these methods are answered instead of what they should be. */
  readonly broken = new Map<string, unknown>();
  /** These methods are done, and not answered. */
  readonly ignored = new Set<string>();
  /** Methods in the order in which they were called, with what they were given. */
  readonly calls: { readonly method: string; readonly params: Params }[] = [];
  readonly #protocol: 3 | 4;
  readonly #token: string;
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #clients = new Map<WebSocket, { seq: number; readonly scopes: readonly string[] }>();
  // Its pages are there too, and are answered by 200 whatever is asked for.
  #http = createServer((_request, response) => response.end('<!doctype html><title>OpenClaw Control</title>'));
  #sockets = new WebSocketServer({ noServer: true });
  #port = 0;

  constructor(protocol: 3 | 4, token: string, methods: ReadonlyMap<string, Method>) {
    this.#protocol = protocol;
    this.#token = token;
    this.#methods = methods;
  }

  get port(): number {
    return this.#port;
  }

  called(method: string): readonly Params[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }

  async listen(): Promise<void> {
    this.#http = createServer((_request, response) => response.end('<!doctype html><title>OpenClaw Control</title>'));
    this.#sockets = new WebSocketServer({ server: this.#http });
    this.#sockets.on('connection', (socket) => this.#welcome(socket));
    await new Promise<void>((resolve) => this.#http.listen(this.#port, '127.0.0.1', resolve));
    const address = this.#http.address();
    this.#port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Gone at once, as after a kill. */
  async vanish(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#clients.clear();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  tell(event: string, payload: object): void {
    for (const [socket, client] of this.#clients) {
      client.seq += 1;
      socket.send(JSON.stringify({ type: 'event', event, payload, seq: client.seq }));
    }
  }

  /** The next event is dropped for everybody, as for a client that is too slow; it counts all the same. */
  dropOne(): void {
    for (const client of this.#clients.values()) client.seq += 1;
  }

  raw(data: string | Buffer): void {
    for (const socket of this.#clients.keys()) socket.send(data);
  }

  hangUp(code: number, reason: string): void {
    for (const socket of this.#clients.keys()) socket.close(code, reason);
  }

  #welcome(socket: WebSocket): void {
    socket.on('close', () => this.#clients.delete(socket));
    if (this.mute) return;
    socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: 'n', ts: Date.now() } }));
    socket.on('message', (data) => void this.#take(socket, request.parse(JSON.parse(String(data)))));
  }

  async #take(socket: WebSocket, { id, method, params }: z.infer<typeof request>): Promise<void> {
    this.calls.push({ method, params });
    const say = (answer: object) => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify({ type: 'res', id, ...answer }));
    };
    try {
      if (method === 'connect') {
        const hello = this.#connect(params);
        say({ ok: true, payload: hello });
        this.#clients.set(socket, { seq: 0, scopes: hello.auth.scopes });
        return;
      }
      this.#allow(method, this.#clients.get(socket)?.scopes ?? []);
      const does = this.#methods.get(method);
      if (does === undefined) throw invalid(`unknown method: ${method}`);
      const payload = this.broken.has(method) ? this.broken.get(method) : await does(params);
      if (!this.ignored.has(method)) say({ ok: true, payload });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { code, message, details, close } = error;
      say({ ok: false, error: { code, message, ...(details === undefined ? {} : { details }) } });
      if (close !== undefined) socket.close(close, message);
    }
  }

  #connect(params: Params) {
    const who = introduction.parse(params);
    const protocol = this.#protocol;
    const modern = protocol === 4;
    if (this.refuse !== undefined) throw this.refuse;
    if (who.minProtocol > protocol || who.maxProtocol < protocol) throw invalid('protocol mismatch', { close: 1002 });
    if (who.client.id !== 'gateway-client') throw invalid('invalid connect params: at /client/id', { close: 1008 });
    if (who.auth === undefined) {
      const details = { code: 'DEVICE_IDENTITY_REQUIRED' };
      throw new Refusal('NOT_PAIRED', 'device identity required', { close: 1008, ...(modern ? { details } : {}) });
    }
    if (who.auth.token !== this.#token) {
      const details = { code: 'AUTH_TOKEN_MISMATCH', authReason: 'token_mismatch', canRetryWithDeviceToken: false };
      const message = 'unauthorized: gateway token mismatch (provide gateway auth token)';
      throw invalid(message, { close: 1008, ...(modern ? { details } : {}) });
    }
    return {
      type: 'hello-ok',
      protocol: this.says ?? protocol,
      server: { version: modern ? '2026.9.6' : 'dev', connId: 'c' },
      features: { methods: [...this.#methods.keys()], events: ['connect.challenge', 'cron', 'tick', 'shutdown', 'health'] },
      snapshot: { presence: [], health: { ok: true } },
      auth: { role: 'operator', scopes: who.scopes },
      policy: { maxPayload: modern ? 26_214_400 : 524_288, maxBufferedBytes: 52_428_800, tickIntervalMs: 30_000 },
    };
  }

  #allow(method: string, scopes: readonly string[]): void {
    const scope = SCOPE_OF[method];
    if (scope === undefined || scopes.includes(scope)) return;
    const message = `missing scope: ${scope}`;
    throw this.#protocol === 4 ? new Refusal('FORBIDDEN', message, { details: { missingScope: scope } }) : invalid(message);
  }
}

const SCOPE_OF: Readonly<Record<string, string>> = {
  'cron.list': 'operator.read',
  'cron.get': 'operator.read',
  'cron.runs': 'operator.read',
  'tasks.list': 'operator.read',
  'tasks.cancel': 'operator.write',
  'cron.run': 'operator.admin',
  'cron.update': 'operator.admin',
  'sessions.delete': 'operator.admin',
};
