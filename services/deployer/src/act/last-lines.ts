/** The end of a text, in whole lines: half a line could hold half a secret, which nothing would recognise. */
export function lastWholeLines(text: string, most: number): string {
  if (text.length <= most) return text;
  const cut = text.slice(-most);
  const first = cut.indexOf('\n');
  return first < 0 ? '[one line that is too long to keep]' : cut.slice(first + 1);
}
