/** The most that a sentence of an event may have. */
const MOST = 2000;

/** A text that fits into an event: what was put together from texts that fit can be too long for one. */
export function toFit(text: string, most = MOST): string {
  if (text.length <= most) return text;
  // Half of a character would be no character at all.
  return `${text.slice(0, most - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
