/** A time for people: `850 ms`, `42 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h`. */
export function inWords(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Math.round(ms / 100) / 10} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(seconds, 60, 'min', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return pair(minutes, 60, 'h', 'min');
  return pair(Math.round(minutes / 60), 24, 'd', 'h');
}

function pair(value: number, size: number, large: string, small: string): string {
  const rest = value % size;
  return `${Math.floor(value / size)} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** A ratio for people: `+40 %`, `×2.5`, `to a half`. */
export function growthInWords(ratio: number): string {
  if (ratio >= 2) return `×${Math.round(ratio * 10) / 10}`;
  return `${ratio >= 1 ? '+' : '−'}${Math.round(Math.abs(ratio - 1) * 100)} %`;
}

/** `1 run`, `3 runs`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** A share for people: `4 %`, `0.3 %`. */
export function percentInWords(share: number): string {
  const percent = share * 100;
  return `${percent >= 1 || percent === 0 ? Math.round(percent) : Math.round(percent * 10) / 10} %`;
}
