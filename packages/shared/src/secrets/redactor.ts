const SHOWN = '[redacted]';
const SHORTEST = 6;
// `postgres`, `changeme`: hidden by value, a word would make holes in every name that contains it.
const WORD = /^[a-z]{1,10}$/;

// What a credential looks like where nobody told us its value: the password of a URL, a bearer token, the keys of
// the providers on this host, and `password=...` or `"api_key": "..."` in a text.
const SHAPES: readonly [RegExp, string][] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, `$1:${SHOWN}@`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${SHOWN}`],
  [/\b(?:sk|pk|rk|ghp|gho|xox[abpr])[-_][A-Za-z0-9_-]{16,}/g, SHOWN],
  [/\b\d{8,10}:[A-Za-z0-9_-]{30,}/g, SHOWN],
  [
    /((?:password|passwd|secret|token|api[_-]?key|authorization)\\?["']?\s*[:=]\s*\\?["']?)(?!\[redacted\])[^\s"',;&\\}]{3,}/gi,
    `$1${SHOWN}`,
  ],
];

// Whatever SHAPES or KEYS could find in a value, one of these finds in the value's JSON. JSON escapes quotes, backslashes
// and control characters, and leaves these letters and signs as they are; what may stand around them is left out here, so
// they find more, never less. Apart, because each of them alone is faster than all in one. (The password of a URL needs
// both `://` and `@`.)
const PERHAPS_WORD = /bearer|basic|passw|secret|token|api[_-]?key|authorization|cookie/i;
const PERHAPS_KEY = /(?:[spr]k|gh[po]|xox[abpr])[-_][\w-]{16}|\d:[\w-]{30}/;
// `value` cuts below this depth.
const DEEPEST = 12;

const KEYS = /^(?:.*[_-])?(?:password|passwd|secret|token|api[_-]?key|authorization|cookie)$/i;

/** Removes secrets from whatever leaves the process: known ones by their value, others by their shape or their key. */
export class Redactor {
  readonly #values = new Set<string>();
  // The same as they look in JSON: what the fast path searches for.
  readonly #inJson = new Set<string>();

  #version = 0;

  /** Counts what was remembered: what was found clean at an earlier count may not be. */
  get version(): number {
    return this.#version;
  }

  /** Remembers a value, and the forms in which it may come back (URL-encoded, base64, JSON-escaped). Values under 6 characters and single words would hide ordinary text, and are left. */
  add(value: string | undefined): void {
    if (value === undefined || value.length < SHORTEST || WORD.test(value)) return;
    this.#version += 1;
    const escaped = JSON.stringify(value).slice(1, -1);
    for (const form of [value, encodeURIComponent(value), Buffer.from(value).toString('base64'), escaped]) {
      this.#values.add(form);
      this.#inJson.add(JSON.stringify(form).slice(1, -1));
    }
  }

  /** The text without secrets. */
  text(text: string): string {
    let clean = text;
    for (const value of this.#values) {
      if (clean.includes(value)) clean = clean.replaceAll(value, SHOWN);
    }
    if (!perhaps(clean)) return clean;
    for (const [shape, shown] of SHAPES) clean = clean.replace(shape, shown);
    return clean;
  }

  /**
   * The JSON of plain data without secrets: the same text as `JSON.stringify(this.value(data))`. Nearly always there is
   * nothing to hide, and then one look at the whole text tells so, for a tenth of the price of walking through it.
   */
  json(data: object): string {
    const text = encoded(data);
    return text === undefined || this.#mayHold(text) || isDeep(data) ? JSON.stringify(this.value(data)) : text;
  }

  /**
   * Data that was read from this JSON text, without secrets: the data itself where there is nothing to hide.
   *
   * @param read the text as somebody else wrote it
   */
  data<T extends object>(data: T, read: string | undefined): T {
    // Escaped by hand, a word may look otherwise than `JSON.stringify` writes it.
    const text = read === undefined || read.includes('\\') ? encoded(data) : read;
    return text === undefined || this.#mayHold(text) || isDeep(data) ? (this.value(data) as T) : data;
  }

  /**
   * A copy of the value in which every string is clean and every field whose name says that it is a secret is hidden.
   * Errors become plain objects with their fields and causes; depth and cycles are bounded.
   */
  value(value: unknown, depth = 0, seen: readonly object[] = []): unknown {
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'bigint') return value.toString();
    if (value === null || typeof value !== 'object') return value;
    if (depth > DEEPEST || seen.includes(value)) return '[cut]';
    const within = [...seen, value];
    if (Array.isArray(value)) return value.map((item) => this.value(item, depth + 1, within));
    if (value instanceof Date) return value.toISOString();
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.value(value.toJSON(), depth + 1, within);
    const own = value instanceof Error ? errorFields(value) : Object.entries(value);
    return Object.fromEntries(
      own.map(([key, item]) => [
        this.text(key),
        KEYS.test(key) && typeof item === 'string' ? SHOWN : this.value(item, depth + 1, within),
      ]),
    );
  }

  #mayHold(json: string): boolean {
    for (const value of this.#inJson) if (json.includes(value)) return true;
    return perhaps(json);
  }
}

// Whether SHAPES or KEYS could find something.
function perhaps(text: string): boolean {
  return PERHAPS_WORD.test(text) || PERHAPS_KEY.test(text) || (text.includes('@') && text.includes('://'));
}

// Undefined for what only the walk can write: cycles, big integers.
function encoded(data: object): string | undefined {
  try {
    return JSON.stringify(data);
  } catch {
    return undefined;
  }
}

function isDeep(value: unknown, left = DEEPEST): boolean {
  if (value === null || typeof value !== 'object') return false;
  if (left < 0) return true;
  for (const key in value) if (isDeep((value as Record<string, unknown>)[key], left - 1)) return true;
  return false;
}

function errorFields(error: Error): [string, unknown][] {
  const fields: [string, unknown][] = [
    ['name', error.name],
    ['message', error.message],
    ['stack', error.stack],
  ];
  for (const [key, item] of Object.entries(error)) fields.push([key, item]);
  if (error.cause !== undefined) fields.push(['cause', error.cause]);
  return fields;
}

/** The process's redactor: secrets are process-wide, and so must be what hides them. */
export const redactor = new Redactor();
