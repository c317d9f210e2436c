import type { InstanceAddresses } from '@ops/shared/embedded';
import { type Environment, readEnvironment, rememberNamedSecrets } from '@ops/shared/environment';
import { passwordsOf, redactor } from '@ops/shared/secrets';
import type { RedisClient } from '@ops/shared/streams';
import { CommandError, EXIT, type ExitCode } from './exit-codes.js';

/** The HTTP API has answered, and said no. */
export class Refusal extends CommandError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(exitCodeOf(status), message);
    this.status = status;
  }
}

/** Where the running instance is, and how to reach it. */
export class Connection {
  readonly environment: Environment;

  constructor(environment = readEnvironment()) {
    this.environment = environment;
  }

  /** Calls the HTTP API; the answer is checked JSON of the caller's type. A body that is a text is sent as it is. */
  async call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body?: unknown,
    signal = AbortSignal.timeout(15_000),
  ): Promise<T> {
    const base = this.environment.url ?? `http://127.0.0.1:${(await this.#instance())?.port ?? this.environment.port}`;
    let response: Response;
    try {
      response = await fetch(new URL(path, base), {
        method,
        headers: {
          authorization: `Bearer ${await this.#token()}`,
          ...(body === undefined ? {} : { 'content-type': typeof body === 'string' ? 'text/plain' : 'application/json' }),
        },
        ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        signal,
      });
    } catch (cause) {
      throw new CommandError(
        EXIT.unreachable,
        `nothing answers at ${base}: is it running? Start it with \`npm start\`, or set OPS_URL.`,
        cause,
      );
    }
    const answer: unknown = await response.json().catch(() => ({}));
    if (response.ok) return answer as T;
    throw new Refusal(response.status, refusal(answer, response.status));
  }

  /** The bus itself, for what is read from the streams. */
  async redis(): Promise<RedisClient> {
    const url = this.environment.redisUrl?.reveal() ?? (await this.#instance())?.redisUrl;
    if (url === undefined) {
      throw new CommandError(EXIT.unreachable, 'no instance runs on this home: start it with `npm start`, or set REDIS_URL.');
    }
    await this.#rememberSecrets();
    const { openClient, shownAddress } = await import('@ops/shared/streams');
    const client = openClient(url, 'ops-cli');
    try {
      await client.connect();
    } catch (cause) {
      client.disconnect();
      throw new CommandError(EXIT.unreachable, `Redis does not answer at ${shownAddress(url)}`, cause);
    }
    return client;
  }

  /** The addresses of the instance, with their secrets. */
  async addresses(): Promise<Record<string, string>> {
    const instance = await this.#instance();
    const { redisUrl, databaseUrl, url } = this.environment;
    const redis = redisUrl?.reveal() ?? instance?.redisUrl;
    const database = databaseUrl?.reveal() ?? instance?.databaseUrl;
    if (redis === undefined) {
      throw new CommandError(EXIT.unreachable, 'no instance runs on this home: start it with `npm start`, or set REDIS_URL.');
    }
    return {
      REDIS_URL: redis,
      ...(database === undefined ? {} : { DATABASE_URL: database }),
      OPS_URL: url ?? `http://127.0.0.1:${instance?.port ?? this.environment.port}`,
      OPS_TOKEN: await this.#token(),
    };
  }

  // What is read from the streams was written by anybody, and is shown on a screen: our secrets in it are hidden.
  async #rememberSecrets(): Promise<void> {
    const { REDIS_URL, DATABASE_URL, OPS_TOKEN } = await this.addresses();
    for (const url of [REDIS_URL, DATABASE_URL]) for (const password of passwordsOf(url ?? '')) redactor.add(password);
    redactor.add(OPS_TOKEN);
    try {
      const { loadConfig } = await import('@ops/shared/config');
      rememberNamedSecrets(loadConfig(this.environment.configFile));
    } catch {
      // Without a configuration there are no secrets that it names.
    }
  }

  async #instance(): Promise<InstanceAddresses | undefined> {
    const { readInstance } = await import('@ops/shared/embedded');
    return readInstance(this.environment.home);
  }

  async #token(): Promise<string> {
    const given = this.environment.token?.reveal();
    if (given !== undefined) return given;
    const { ensureToken } = await import('@ops/shared/embedded');
    return ensureToken(this.environment.home);
  }
}

function exitCodeOf(status: number): ExitCode {
  if (status === 400 || status === 413) return EXIT.usage;
  if (status === 401 || status === 403) return EXIT.denied;
  if (status === 404) return EXIT.notFound;
  if (status === 409) return EXIT.conflict;
  return status === 503 ? EXIT.unreachable : EXIT.failed;
}

function refusal(answer: unknown, status: number): string {
  const { message, issues } = (answer ?? {}) as {
    message?: unknown;
    issues?: { path: string; value: string; expected: string }[];
  };
  const lines = (issues ?? []).map(({ path, value, expected }) => `\n  ${path}: ${value}: expected ${expected}`);
  return `${typeof message === 'string' ? message : `HTTP ${status}`}${lines.join('')}`;
}
