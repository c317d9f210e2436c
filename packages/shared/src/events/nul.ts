// In JSON text U+0000 is always escaped; a backslash before the backslash makes it six harmless characters.
const NUL = /(?<=(?<!\\)(?:\\\\)*)\\u0000/g;
// A whole one is never escaped.
const HALF = /(?<=(?<!\\)(?:\\\\)*)\\ud[89a-f][0-9a-f]{2}/g;
const SHOWN = '\u2400';

/** Whether a JSON text holds U+0000 in a string, which PostgreSQL can store neither as text nor as jsonb. */
export function hasNul(json: string): boolean {
  return json.includes('\\u0000') && json.search(NUL) >= 0;
}

/**
 * The same JSON with U+2400, the symbol for it, in its place, and U+FFFD in place of half a character (a text that was cut in the middle of
 * one): what a program printed must not keep its story from being stored.
 */
export function showNul(json: string): string {
  const shown = json.includes('\\u0000') ? json.replace(NUL, SHOWN) : json;
  return shown.includes('\\ud') ? shown.replace(HALF, '\ufffd') : shown;
}

/** The same for a plain text. */
export function showNulInText(text: string): string {
  return text.replaceAll('\0', SHOWN);
}
