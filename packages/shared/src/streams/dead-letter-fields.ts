/** The first fields of a dead letter, in their order; the entry's own follow, and may have any name. */
export const META = ['stream', 'id', 'group', 'type', 'code', 'reasons', 'attempts', 'at'].map((name) => `ops-dead-${name}`);

/** The values of the first fields, and the entry as it was. */
export function splitLetter<T>(fields: readonly T[]): { readonly meta: readonly T[]; readonly own: readonly T[] } {
  const begin = META.length * 2;
  return { meta: fields.slice(0, begin).filter((_value, index) => index % 2 === 1), own: fields.slice(begin) };
}
