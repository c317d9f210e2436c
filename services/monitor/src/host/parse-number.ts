/**
 * The number that follows `key` in text such as /proc/meminfo, memory.stat or cpu.stat, or null. The key is matched at
 * the start of a line only: `inactive_file` is not `total_inactive_file`.
 */
export function numberAfter(text: string, key: string): number | null {
  let from = text.startsWith(key) ? 0 : text.indexOf(`\n${key}`);
  if (from < 0) return null;
  if (text[from] === '\n') from += 1;
  const value = /^[:= \t]+(\d+)/.exec(text.slice(from + key.length, from + key.length + 40))?.[1];
  return value === undefined ? null : Number(value);
}

/** A file that holds one number, or null (`max`, empty, anything else). */
export function onlyNumber(text: string | null): number | null {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : null;
}
