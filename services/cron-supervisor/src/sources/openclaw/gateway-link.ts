import { type Issue, shown } from '@ops/shared/events';
import { errorWords, type GatewayEvent, GatewayRefusal, OpenClawConnection } from '@ops/shared/probes';
import { type Clock, EnvironmentError, namedSecret } from '@ops/shared/runtime';
import { redactor } from '@ops/shared/secrets';
import type { z } from 'zod';
import type { SourceState } from '../source.js';
import { SourceDown } from '../source-down.js';
import { type Generation, generationOf } from './decide/generation.js';
import { brokenShape, connectedDetail, garbledFrame, oversizedFrame } from './decide/link-words.js';
import { type Hindrance, refusalOf } from './decide/refusal-words.js';
import type { OpenClawOptions } from './options.js';
import { withinTime } from './within-time.js';

const CONNECT_MS = 10_000;
const ANSWER_MS = 15_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** After a refusal that somebody must mend. */
const REFUSED_PAUSE_MS = 30_000;
/** The gateway says `tick` every 30 s: after two and a half of them it is asked. */
const SILENCE_MS = 75_000;
const HEALTH_MS = 10_000;
/** A gateway that only talks rubbish must not fill our logs. */
const MOST_GARBLED = 100;

/** Who is told how the link is, and what comes over it. */
export interface LinkHooks {
  connected(): void;
  lost(why: string): void;
  event(event: GatewayEvent): void;
  garbled(issue: Issue): void;
}

/** One connection to the gateway, kept open: it comes back by itself, however often it goes. */
export class GatewayLink {
  readonly #options: OpenClawOptions;
  readonly #clock: Clock;
  readonly #hooks: LinkHooks;
  readonly #closing = new AbortController();
  #state: SourceState = { kind: 'starting' };
  #connection: OpenClawConnection | undefined;
  #generation: Generation = 'legacy';
  #shutdown: string | undefined;
  #kept: Promise<void> | undefined;

  constructor(options: OpenClawOptions, clock: Clock, hooks: LinkHooks) {
    this.#options = options;
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get state(): SourceState {
    return this.#state;
  }

  /** That of the gateway which was connected last. */
  get generation(): Generation {
    return this.#generation;
  }

  open(): void {
    this.#kept ??= this.#keep();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#connection?.close();
    await this.#kept;
    this.#state = { kind: 'down', why: 'it was closed' };
  }

  offers(method: string): boolean {
    return this.#connection?.hello.methods.has(method) ?? false;
  }

  /**
   * Calls a method. Rejects with a GatewayRefusal, or with a SourceDown where there is no answer.
   *
   * @param within ms; null where the answer may take as long as it likes
   */
  async ask(method: string, params: Readonly<Record<string, unknown>>, within: number | null = ANSWER_MS): Promise<unknown> {
    const connection = this.#connection;
    if (connection === undefined) throw this.#down(this.#state.kind === 'down' ? this.#state.why : 'it is not connected yet');
    try {
      if (within === null) return await connection.call(method, params);
      return await withinTime(this.#clock, within, `no answer to ${method}`, (signal) => connection.call(method, params, signal));
    } catch (error) {
      if (error instanceof GatewayRefusal) throw error;
      throw this.#down(error instanceof Error ? error.message : String(error), error);
    }
  }

  /** Like `ask`, for questions that the gateway must be able to answer: a refusal, or an answer of an unknown form, is a SourceDown too. */
  async read<T>(
    method: string,
    params: Readonly<Record<string, unknown>>,
    form: z.ZodType<T>,
    within: number | null = ANSWER_MS,
  ): Promise<T> {
    const payload = await this.ask(method, params, within).catch((error: unknown) => {
      throw error instanceof GatewayRefusal ? this.#down(`${method}: ${error.message}`, error) : error;
    });
    return this.understand(method, payload, form);
  }

  /** An answer in the form that it must have. One of another form is told of, and thrown as a SourceDown. */
  understand<T>(method: string, payload: unknown, form: z.ZodType<T>): T {
    const { data, error } = form.safeParse(payload);
    if (error === undefined) return data;
    this.#hooks.garbled(brokenShape(error, payload, method));
    throw this.#down(`${method} is answered in an unknown form`, error);
  }

  async #keep(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const began = this.#clock.monotonic();
      const hindrance = await this.#once();
      if (this.#closing.signal.aborted) return;
      const wasDown = this.#state.kind === 'down';
      const why = redactor.text(hindrance.why);
      this.#state = { kind: 'down', why };
      if (!wasDown) this.#hooks.lost(why);
      failures = this.#clock.monotonic() - began > LONGEST_PAUSE_MS ? 1 : failures + 1;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures - 1, 10));
      const whole = hindrance.lasting ? REFUSED_PAUSE_MS : pause;
      await this.#clock.sleep(whole * (0.5 + Math.random() / 2), this.#closing.signal);
    }
  }

  /** One connection, from its beginning to its end; resolves with what ended or hindered it. */
  async #once(): Promise<Hindrance> {
    const { url } = this.#options;
    const ended = new AbortController();
    let heardAt = this.#clock.monotonic();
    let garbled = 0;
    const say = (issue: Issue) => {
      garbled += 1;
      if (garbled <= MOST_GARBLED) this.#hooks.garbled(issue);
    };
    const listener = {
      heard: () => {
        heardAt = this.#clock.monotonic();
      },
      event: (event: GatewayEvent) => {
        if (event.name === 'shutdown') this.#shutdown = shown(event.payload);
        this.#hooks.event(event);
      },
      garbled: (text: string) => say(garbledFrame(text)),
      ended: (error: Error) => {
        const oversized = oversizedFrame(error);
        if (oversized !== undefined) say(oversized);
        ended.abort(error);
      },
    };
    try {
      const scopes = ['operator.read', 'operator.write', 'operator.admin'] as const;
      const connection = await withinTime(this.#clock, CONNECT_MS, 'no answer to our introduction', (signal) =>
        OpenClawConnection.open(url, () => namedSecret(this.#options), AbortSignal.any([signal, this.#closing.signal]), {
          scopes,
          listener,
        }),
      );
      const { hello } = connection;
      if (hello.protocol !== 3 && hello.protocol !== 4) {
        connection.close();
        return { why: `it speaks protocol ${shown(hello.protocol)}: expected 3 or 4`, lasting: true };
      }
      this.#shutdown = undefined;
      this.#generation = generationOf(hello.methods);
      this.#connection = connection;
      this.#state = { kind: 'connected', detail: connectedDetail(hello, scopes) };
      this.#hooks.connected();
      await this.#watch(connection, ended.signal, () => heardAt);
    } catch (error) {
      return this.#hindrance(error);
    } finally {
      this.#connection = undefined;
    }
    const why = errorWords(ended.signal.reason);
    return { why: this.#shutdown === undefined ? why : `${why}, after it said ${this.#shutdown}`, lasting: false };
  }

  /** Until the connection has ended: a silent one is asked, and dropped where it does not answer. */
  async #watch(connection: OpenClawConnection, ended: AbortSignal, heardAt: () => number): Promise<void> {
    while (!ended.aborted) {
      const silent = this.#clock.monotonic() - heardAt();
      if (silent < SILENCE_MS) {
        await this.#clock.sleep(SILENCE_MS - silent, ended);
        continue;
      }
      const why = `silent for ${Math.round(silent / 1000)} s, and no answer to health`;
      await withinTime(this.#clock, HEALTH_MS, why, (signal) => connection.call('health', {}, signal)).catch((error: unknown) => {
        if (error instanceof GatewayRefusal || ended.aborted) return;
        connection.close();
        throw error;
      });
    }
  }

  #hindrance(error: unknown): Hindrance {
    const { token_env, token_file } = this.#options;
    const tokenKey = token_file !== undefined ? `token_file ${token_file}` : token_env && `token_env ${token_env}`;
    if (error instanceof GatewayRefusal) return refusalOf(error, tokenKey);
    if (error instanceof EnvironmentError) return { why: `${tokenKey}: ${error.message}`, lasting: true };
    return { why: errorWords(error), lasting: false };
  }

  #down(why: string, cause?: unknown): SourceDown {
    return new SourceDown(this.#options.name, redactor.text(why), cause);
  }
}
