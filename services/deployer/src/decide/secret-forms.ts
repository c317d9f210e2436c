// What stands in every environment and is nobody's secret: numbers, yes and no, words, plain paths, host names with ports.
const HARMLESS =
  /^(?:[\d.,:]+|true|false|yes|no|on|off|none|null|[a-z]{1,12}|\/[\w./-]*|[a-z][a-z0-9-]*(?:\.[a-z][a-z0-9-]*)*:\d{1,5})$/i;

/** Whether a value of an environment may be shown. Which of them are secrets, nobody tells us: whatever is not surely harmless is one. */
export function isHarmless(value: string): boolean {
  return HARMLESS.test(value);
}

/**
 * How a value may come back in somebody's output, besides itself: quoted for a shell, as a form field, in base64 (also as a part of a
 * longer text: then it begins at one of three places in its group, and only what is surely its own is looked for), in base64 for URLs.
 */
export function secretForms(value: string): readonly string[] {
  const forms = new Set<string>();
  forms.add(value.replaceAll("'", "'\\''"));
  forms.add(value.replaceAll("'", `'"'"'`));
  forms.add(value.replace(/[\\"$`]/g, '\\$&'));
  forms.add(value.replace(/[^\w@%+=:,./-]/g, '\\$&'));
  forms.add(new URLSearchParams({ v: value }).toString().slice(2));
  for (const shift of [0, 1, 2]) {
    const encoded = Buffer.from('x'.repeat(shift) + value)
      .toString('base64')
      .replace(/=+$/, '');
    // The first characters mix with what stands before, the last with what follows.
    const own = encoded.slice(shift === 0 ? 0 : shift + 1, (Buffer.byteLength(value) + shift) % 3 === 0 ? undefined : -1);
    forms.add(own);
    forms.add(own.replaceAll('+', '-').replaceAll('/', '_'));
  }
  forms.delete(value);
  return [...forms];
}
