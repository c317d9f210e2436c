import { inspect } from 'node:util';

const SHOWN = '[redacted]';

/** The password in a URL, decoded where it is encoded; undefined without one. */
export function passwordOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { password } = new URL(url);
  try {
    return password === '' ? undefined : decodeURIComponent(password);
  } catch {
    // A bare % that begins no code stands for itself.
    return password;
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
