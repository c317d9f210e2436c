import { z } from 'zod';

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A duration as it is written in ops.yaml (`250ms`, `2s`, `5m`, `1h`, `7d`), in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text);
  const [, amount, unit] = match ?? [];
  if (amount === undefined || unit === undefined) return undefined;
  return Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
}

const EXPECTED = 'a duration such as 250ms, 2s, 5m, 1h or 7d';

/** A duration between two bounds (ms); the parsed value is in milliseconds. */
export function duration(fallback: string, least = 0, most = 366 * 86_400_000) {
  return written(least, most).prefault(fallback);
}

/** A duration that may be left out; the parsed value is in milliseconds. */
export function optionalDuration(least = 0, most = 366 * 86_400_000) {
  return written(least, most).optional();
}

function written(least: number, most: number) {
  return z.string({ error: EXPECTED }).transform((text, context) => {
    const ms = parseDuration(text);
    if (ms === undefined) {
      context.issues.push({ code: 'custom', message: EXPECTED, input: text });
      return z.NEVER;
    }
    if (ms < least || ms > most) {
      context.issues.push({ code: 'custom', message: `a duration from ${least} ms to ${most} ms`, input: text });
      return z.NEVER;
    }
    return ms;
  });
}
