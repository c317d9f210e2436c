// In JSON text U+0000 is always escaped; a backslash before the backslash makes it six harmless characters.
const NUL = /(?<=(?<!\\)(?:\\\\)*)\\u0000/g;
const SHOWN = '\u2400';

/** Whether a JSON text holds U+0000 in a string, which PostgreSQL can store neither as text nor as jsonb. */
export function hasNul(json: string): boolean {
  return json.includes('\\u0000') && json.search(NUL) >= 0;
}

/** The same JSON with U+2400, the symbol for it, in its place: what a program printed must not keep its story from being stored. */
export function showNul(json: string): string {
  return json.includes('\\u0000') ? json.replace(NUL, SHOWN) : json;
}

/** The same for a plain text. */
export function showNulInText(text: string): string {
  return text.replaceAll('\0', SHOWN);
}
