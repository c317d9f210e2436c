import { createHash, timingSafeEqual } from 'node:crypto';
import { type OpsConfig, OWN_TOKEN, SCOPES, type Scope } from '../config/index.js';
import type { Secret } from '../secrets/index.js';
import { EnvironmentError, namedSecret } from './env.js';

/** A token as it may be spoken of: never its value. */
export interface NamedToken {
  readonly name: string;
  readonly scopes: ReadonlySet<Scope>;
}

// As a header can carry it, and too long to be guessed.
const USABLE = /^[\x21-\x7e]{16,}$/;

/** Every token that this process knows, by its digest. */
export class Tokens {
  readonly #known: readonly (NamedToken & { readonly digest: Buffer })[];

  private constructor(known: readonly (NamedToken & { readonly digest: Buffer })[]) {
    this.#known = known;
  }

  /**
   * The instance's own token, with every scope, and those that ops.yaml names.
   * Throws an {@link EnvironmentError} with path, source (never the token) and expectation for each that is missing, short, or there twice.
   */
  static open(own: Secret, given: OpsConfig['http']['tokens'], variables?: NodeJS.ProcessEnv): Tokens {
    const known = [{ name: OWN_TOKEN, scopes: new Set(SCOPES), digest: digestOf(own.reveal()) }];
    const faults: string[] = [];
    for (const [index, { name, scopes, ...source }] of given.entries()) {
      const key = source.token_file === undefined ? 'token_env' : 'token_file';
      const fault = (found: string, expected: string) =>
        faults.push(`http.tokens[${index}].${key}: ${JSON.stringify(source[key])} ${found}: expected ${expected}`);
      const value = readToken(source, variables);
      if (value === undefined) {
        fault(key === 'token_env' ? 'is not set' : 'cannot be read', `the token of ${name}`);
        continue;
      }
      const digest = digestOf(value);
      const twin = known.find((other) => other.digest.equals(digest));
      if (!USABLE.test(value)) fault('is too short, or not printable', '16 or more printable ASCII characters, no space');
      else if (twin !== undefined) fault(`holds the token of ${twin.name}`, 'one that nobody else has');
      known.push({ name, scopes: new Set([...scopes, 'read']), digest });
    }
    if (faults.length > 0) throw new EnvironmentError(faults);
    return new Tokens(known);
  }

  /** The token with this value; undefined for one that nobody knows. Takes as long whichever it is. */
  find(value: string): NamedToken | undefined {
    const digest = digestOf(value);
    return this.#known.reduce<NamedToken | undefined>(
      (found, token) => (timingSafeEqual(token.digest, digest) ? token : found),
      undefined,
    );
  }
}

function readToken(source: Parameters<typeof namedSecret>[0], variables?: NodeJS.ProcessEnv): string | undefined {
  try {
    return namedSecret(source, variables)?.reveal();
  } catch (error) {
    if (error instanceof EnvironmentError) return undefined;
    throw error;
  }
}

function digestOf(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
