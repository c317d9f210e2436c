const LONGEST_OUTPUT = 64_000;

/** What was told while a run went on, and what was told with its end. */
export function joined(before: string | null, last: string | null): string | null {
  if (before === null || last === null) return last ?? before;
  return before.endsWith('\n') ? `${before}${last}` : `${before}\n${last}`;
}

/** As much of an output as is kept: its end. */
export function cut(output: string | null): string | null {
  return output === null ? null : output.slice(-LONGEST_OUTPUT);
}
