const [ZERO, NINE, SPACE, TAB, COLON, EQUALS] = [48, 57, 32, 9, 58, 61] as const;

/**
 * The digits that begin at an index of a text, as a number, or null where there are none. Without a regular expression: each sample reads
 * many numbers, in code that has not run for half a second.
 */
export function numberAt(text: string, index: number): number | null {
  let end = index;
  while (isDigit(text.charCodeAt(end))) end += 1;
  return end === index ? null : Number(text.slice(index, end));
}

/** All numbers of a text from an index on, with spaces between them, up to whatever is neither. */
export function numbersFrom(text: string, index: number): number[] {
  const numbers: number[] = [];
  for (let at = index; ; ) {
    while (text.charCodeAt(at) === SPACE) at += 1;
    const start = at;
    while (isDigit(text.charCodeAt(at))) at += 1;
    if (at === start) return numbers;
    numbers.push(Number(text.slice(start, at)));
  }
}

/**
 * The number that follows `key` in text such as /proc/meminfo, memory.stat or cpu.stat, or null. The key is matched at
 * the start of a line only: `inactive_file` is not `total_inactive_file`.
 */
export function numberAfter(text: string, key: string): number | null {
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at + 1)) {
    if (at > 0 && text[at - 1] !== '\n') continue;
    const end = at + key.length;
    let digits = end;
    while (isSeparator(text.charCodeAt(digits))) digits += 1;
    if (digits > end) return numberAt(text, digits);
  }
  return null;
}

/** A file that holds one number, or null (`max`, empty, anything else). */
export function onlyNumber(text: string | null): number | null {
  const trimmed = text?.trim() ?? '';
  return /^-?\d+$/.test(trimmed) ? Number(trimmed) : null;
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isSeparator(code: number): boolean {
  return code === COLON || code === SPACE || code === TAB || code === EQUALS;
}
