/** Whether one entry id is before another; `<ms>-<sequence>` each. */
export function isBefore(a: string, b: string): boolean {
  const [aTime = 0, aSequence = 0] = a.split('-').map(Number);
  const [bTime = 0, bSequence = 0] = b.split('-').map(Number);
  return aTime < bTime || (aTime === bTime && aSequence < bSequence);
}

/** The greatest id before this one. */
export function justBefore(id: string): string {
  const [time = 0, sequence = 0] = id.split('-').map(Number);
  if (sequence > 0) return `${time}-${sequence - 1}`;
  return time > 0 ? `${time - 1}-${Number.MAX_SAFE_INTEGER}` : '0-0';
}
