import WebSocket from 'ws';
import { z } from 'zod';
import type { Secret } from '../secrets/index.js';

const LARGEST_FRAME = 33_554_432;

const frame = z.union([
  z.object({ type: z.literal('event'), event: z.string() }),
  z.object({
    type: z.literal('res'),
    id: z.string(),
    ok: z.boolean(),
    payload: z.unknown().optional(),
    error: z
      .object({ code: z.string(), message: z.string(), details: z.looseObject({ reason: z.unknown().optional() }).optional() })
      .optional(),
  }),
]);

type Refused = NonNullable<Extract<z.infer<typeof frame>, { type: 'res' }>['error']>;

/** The gateway refused what it was asked. */
export class GatewayRefusal extends Error {
  /** It is not ready yet, and says so. */
  readonly starting: boolean;

  constructor(error: Refused | undefined) {
    super(error === undefined ? 'it refused without a reason' : `it refused: ${error.message.slice(0, 300)} (${error.code})`);
    this.starting = error?.code === 'UNAVAILABLE' && String(error.details?.reason).startsWith('startup');
  }
}

interface Waiting {
  readonly resolve: (payload: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to an OpenClaw gateway, over which methods are called. */
export class OpenClawConnection {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<string, Waiting>();
  #lastId = 0;
  #ended: Error | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer) => this.#take(data));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', (code, reason) => this.#end(new Error(closeWords(code, reason.toString('utf8')))));
  }

  /** Connects and introduces itself; the one frame that gateways of protocol 3 and 4 both take. Only reading is asked for. */
  static async open(url: string, token: () => Secret | undefined, signal: AbortSignal): Promise<OpenClawConnection> {
    const connection = new OpenClawConnection(new WebSocket(url, { perMessageDeflate: false, maxPayload: LARGEST_FRAME }));
    const stop = () => connection.close();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await connection.#challenged();
      await connection.call('connect', introduction(token()));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  get open(): boolean {
    return this.#ended === undefined;
  }

  /** Calls a method; resolves with its payload. Rejects with the gateway's refusal, or when the connection ends. */
  call(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#lastId += 1;
      const id = String(this.#lastId);
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ type: 'req', id, method, params }), (error) => {
        if (error) this.#end(error);
      });
    });
  }

  close(): void {
    this.#end(new Error('the connection was closed'));
  }

  #challenged(): Promise<void> {
    return new Promise((resolve, reject) => {
      // The challenge has no id of its own.
      this.#waiting.set('connect.challenge', { resolve: () => resolve(), reject });
      if (this.#ended !== undefined) reject(this.#ended);
    });
  }

  #take(data: Buffer): void {
    const parsed = frame.safeParse(parse(data.toString('utf8')));
    if (!parsed.success) return;
    const id = parsed.data.type === 'event' ? parsed.data.event : parsed.data.id;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (waiting === undefined) return;
    if (parsed.data.type === 'event' || parsed.data.ok)
      waiting.resolve(parsed.data.type === 'event' ? undefined : parsed.data.payload);
    else waiting.reject(new GatewayRefusal(parsed.data.error));
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#socket.terminate();
  }
}

function introduction(token: Secret | undefined): Record<string, unknown> {
  return {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: 'gateway-client', version: '1.0.0', platform: 'linux', mode: 'backend' },
    role: 'operator',
    // Never empty: old gateways take no scope for every scope.
    scopes: ['operator.read'],
    ...(token === undefined ? {} : { auth: { token: token.reveal() } }),
  };
}

function closeWords(code: number, reason: string): string {
  return `it closed the connection (${code}${reason === '' ? '' : `: ${reason.slice(0, 200)}`})`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
