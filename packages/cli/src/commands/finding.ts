export type State = 'ok' | 'warning' | 'missing';

/** One thing that was looked at: what is there, and what to do about it. */
export interface Finding {
  readonly what: string;
  readonly state: State;
  readonly found: string;
  readonly mend: string;
}

export const finding = (what: string, state: State, found: string, mend: string): Finding => ({ what, state, found, mend });
