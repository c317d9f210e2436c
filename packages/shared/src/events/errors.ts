/** One thing that is wrong with an input: where, what it was (shortened), and what was expected. */
export interface Issue {
  readonly path: string;
  readonly value: string;
  readonly expected: string;
}

/** Why an entry of a stream cannot be handled, ever: it goes to the dead letters with this. */
export type RejectCode =
  | 'no-event-field'
  | 'not-json'
  | 'not-utf8'
  | 'not-text'
  | 'too-large'
  | 'bad-envelope'
  | 'unknown-type'
  | 'unknown-version'
  | 'wrong-stream'
  | 'bad-data';

export interface Rejection {
  readonly code: RejectCode;
  readonly issues: readonly Issue[];
}

/** An issue as one line: `data.metric: 5: expected string`. */
export function issueLine(issue: Issue): string {
  return `${issue.path}: ${issue.value}: expected ${issue.expected}`;
}
