import WebSocket from 'ws';
import type { Secret } from '../secrets/index.js';
import {
  type GatewayEvent,
  type GatewayFrame,
  type GatewayHello,
  GatewayRefusal,
  readFrame,
  readHello,
} from './openclaw-frames.js';

const LARGEST_FRAME = 33_554_432;
const CHALLENGE = 'connect.challenge';

export type GatewayScope = 'operator.read' | 'operator.write' | 'operator.admin';

/** Who is told what comes over a connection. None of these may throw. */
export interface ConnectionListener {
  /** Anything at all came. */
  heard(): void;
  event(event: GatewayEvent): void;
  /** @param text what came and is no frame of the gateway, shortened */
  garbled(text: string): void;
  ended(error: Error): void;
}

export interface ConnectionOptions {
  /** Reading only, where not given. */
  readonly scopes?: readonly GatewayScope[];
  readonly listener?: ConnectionListener;
}

interface Waiting {
  readonly resolve: (payload: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A connection to an OpenClaw gateway, over which methods are called and events come. */
export class OpenClawConnection {
  readonly #socket: WebSocket;
  readonly #listener: ConnectionListener | undefined;
  readonly #waiting = new Map<string, Waiting>();
  #challenged: Waiting | undefined;
  #hello: GatewayHello = readHello(undefined);
  #lastId = 0;
  #ended: Error | undefined;

  private constructor(socket: WebSocket, listener: ConnectionListener | undefined) {
    this.#socket = socket;
    this.#listener = listener;
    socket.on('message', (data: Buffer) => this.#take(data.toString('utf8')));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', (code, reason) => this.#end(new Error(closeWords(code, reason.toString('utf8')))));
  }

  /**
   * Connects and introduces itself, by the one frame that gateways of protocol 3 and 4 both take.
   * Rejects with a GatewayRefusal, with what ended the connection, or when the signal aborts.
   */
  static async open(
    url: string,
    token: () => Secret | undefined,
    signal: AbortSignal,
    { scopes = ['operator.read'], listener }: ConnectionOptions = {},
  ): Promise<OpenClawConnection> {
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: LARGEST_FRAME });
    const connection = new OpenClawConnection(socket, listener);
    const stop = () => connection.close();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      await connection.#challenge();
      connection.#hello = readHello(await connection.call('connect', introduction(token(), scopes)));
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

  get hello(): GatewayHello {
    return this.#hello;
  }

  /**
   * Calls a method; resolves with its payload. Rejects with the gateway's refusal, when the connection ends, or with the signal's
   * reason when it aborts: the gateway does what it was asked all the same.
   */
  call(method: string, params: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      if (signal?.aborted) return reject(signal.reason);
      this.#lastId += 1;
      const id = String(this.#lastId);
      const stop = () => {
        this.#waiting.delete(id);
        reject(signal?.reason);
      };
      const settle =
        <T>(how: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener('abort', stop);
          how(value);
        };
      signal?.addEventListener('abort', stop, { once: true });
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      this.#socket.send(JSON.stringify({ type: 'req', id, method, params }), (error) => {
        if (error) this.#end(error);
      });
    });
  }

  close(): void {
    this.#end(new Error('the connection was closed'));
  }

  // The challenge has no id of its own.
  #challenge(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#challenged = { resolve: () => resolve(), reject };
      if (this.#ended !== undefined) reject(this.#ended);
    });
  }

  #take(text: string): void {
    this.#listener?.heard();
    const frame = readFrame(text);
    if (frame === undefined) this.#listener?.garbled(text.slice(0, 200));
    else if (frame.type === 'res') this.#answered(frame);
    else if (frame.event === CHALLENGE) this.#challenged?.resolve(undefined);
    else this.#listener?.event({ name: frame.event, payload: frame.payload, seq: frame.seq });
  }

  #answered(frame: Extract<GatewayFrame, { type: 'res' }>): void {
    const waiting = this.#waiting.get(frame.id);
    this.#waiting.delete(frame.id);
    if (frame.ok) waiting?.resolve(frame.payload);
    else waiting?.reject(new GatewayRefusal(frame.error));
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#challenged?.reject(error);
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    this.#socket.terminate();
    this.#listener?.ended(error);
  }
}

function introduction(token: Secret | undefined, scopes: readonly GatewayScope[]): Record<string, unknown> {
  return {
    minProtocol: 3,
    maxProtocol: 4,
    client: { id: 'gateway-client', version: '1.0.0', platform: 'linux', mode: 'backend' },
    role: 'operator',
    // Never empty: old gateways take no scope for every scope.
    scopes,
    ...(token === undefined ? {} : { auth: { token: token.reveal() } }),
  };
}

function closeWords(code: number, reason: string): string {
  return `it closed the connection (${code}${reason === '' ? '' : `: ${reason.slice(0, 200)}`})`;
}
