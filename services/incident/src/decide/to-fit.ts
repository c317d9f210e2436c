/** The most that a sentence of an event may have. */
const MOST = 2000;

/**
 * A text that fits into an event: what was put together from texts that fit can be too long for one, and an event that is
 * not valid is never published.
 * @param end what is kept of it in any case
 */
export function toFit(text: string, end = '', most = MOST): string {
  const room = most - end.length;
  if (text.length <= room) return text + end;
  // Half of a character would be no character at all.
  return `${text.slice(0, room - 1).replace(/[\uD800-\uDBFF]$/, '')}…${end}`;
}
