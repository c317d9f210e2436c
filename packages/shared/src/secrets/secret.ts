import { inspect } from 'node:util';

const SHOWN = '[redacted]';

/**
 * The passwords in a URL, decoded where they are encoded: that of its user, and `sentinel_password`. The URL may name
 * several hosts, as the URLs of Sentinel and Cluster do.
 */
export function passwordsOf(url: string): string[] {
  const [, authority = '', query = ''] = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)[^?#]*(?:\?([^#]*))?/i.exec(url) ?? [];
  const user = authority.slice(0, Math.max(0, authority.lastIndexOf('@')));
  const password = user.includes(':') ? user.slice(user.indexOf(':') + 1) : '';
  const sentinel = new URLSearchParams(query).get('sentinel_password') ?? '';
  return [decoded(password), sentinel].filter((found) => found !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A bare % that begins no code stands for itself.
    return text;
  }
}

/**
 * A value that must not be seen. It prints `[redacted]` however it is printed (template, JSON, console, logger);
 * only `reveal()` gives it out, and only to the client that needs it.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself: hand it to a client's constructor, never to a message. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
