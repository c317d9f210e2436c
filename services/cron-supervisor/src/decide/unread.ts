/** Ids of jobs that a source has and that could not be read; `unknown` where it may have others, of which nobody can say the id. */
export type Unread = readonly string[] | 'unknown';

/** What could not be read, by its id where that could be. */
export function unreadOf(ids: readonly (string | undefined)[]): Unread {
  const known = ids.filter((id) => id !== undefined);
  return known.length === ids.length ? known : 'unknown';
}
