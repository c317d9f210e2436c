/** Whether one entry id is before another; `<ms>-<sequence>` each, of 64 bits: too large for numbers, so they are compared as texts. */
export function isBefore(a: string, b: string): boolean {
  const [aDash, bDash] = [dashOf(a), dashOf(b)];
  const [aTime, bTime] = [a.slice(0, aDash), b.slice(0, bDash)];
  if (aTime !== bTime) return isLess(aTime, bTime);
  return isLess(a.slice(aDash + 1) || '0', b.slice(bDash + 1) || '0');
}

/** The greatest id before this one. */
export function justBefore(id: string): string {
  const dash = dashOf(id);
  const [time, sequence] = [BigInt(id.slice(0, dash)), BigInt(id.slice(dash + 1) || '0')];
  if (sequence > 0n) return `${time}-${sequence - 1n}`;
  return time > 0n ? `${time - 1n}-${LAST_SEQUENCE}` : '0-0';
}

const LAST_SEQUENCE = 2n ** 64n - 1n;

function dashOf(id: string): number {
  const dash = id.indexOf('-');
  return dash < 0 ? id.length : dash;
}

function isLess(a: string, b: string): boolean {
  return a.length === b.length ? a < b : a.length < b.length;
}
