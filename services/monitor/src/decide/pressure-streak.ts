/** Since when somebody has been waiting for a CPU without a break. Both epoch ms. */
export interface PressureState {
  readonly since: number | null;
  /** The last reading. */
  readonly seenAt: number;
}

export const noPressure: PressureState = { since: null, seenAt: Number.NEGATIVE_INFINITY };

/** As long as a metric may go without a reading before its streaks begin anew. */
const BLIND_MS = 3_000;

/**
 * Takes a reading of the pressure (PSI, percent) into account. None breaks nothing: a monitor that is late itself is what a real
 * runaway makes of it; after three seconds without one nobody knows, and it begins anew.
 */
export function pressureAfter(
  state: PressureState,
  { at, cpuPressure }: { readonly at: number; readonly cpuPressure: number | null },
  atLeast: number,
): PressureState {
  if (cpuPressure === null) return at - state.seenAt > BLIND_MS ? { ...state, since: null } : state;
  const unbroken = at - state.seenAt <= BLIND_MS ? state.since : null;
  // A wall clock that was set back must not lengthen the proof by an hour.
  return { since: cpuPressure >= atLeast ? Math.min(unbroken ?? at, at) : null, seenAt: at };
}
