import { compareLevels, isOver, raisedLevels, worseOf } from './level-order.js';
import type { MetricPolicy } from './level-policy.js';
import type { KnownLevel, MetricState, RaisedLevel, Streak } from './level-types.js';

type Streaks = { readonly [level in RaisedLevel]?: Streak };

/** A metric that nobody has read yet. */
export const unseenMetric: MetricState = { level: null, lastReading: null, seenAt: 0, above: {}, calm: {} };

/**
 * Takes one reading of one metric into account. No reading changes nothing: a level is neither entered nor left on
 * missing data. After a gap longer than `blindAfterMs` every streak starts anew, because nobody saw what lay between;
 * the level stays where it was.
 */
export function stepMetric(
  state: MetricState,
  reading: number | null,
  policy: MetricPolicy,
  blindAfterMs: number,
  now: number,
): MetricState {
  if (reading === null || !Number.isFinite(reading)) return state;
  const unbroken = now - state.seenAt <= blindAfterMs;
  const above = streaks(unbroken ? state.above : {}, now, (level) => {
    const bound = policy.bounds[level];
    return bound !== undefined && isOver(reading, bound);
  });
  const calm = streaks(unbroken ? state.calm : {}, now, (level) => {
    const bound = policy.bounds[level];
    return bound === undefined || reading < bound.at - policy.margin;
  });
  return {
    level: levelAfter(state.level, above, calm, { policy, blindAfterMs, now }),
    lastReading: reading,
    seenAt: now,
    above,
    calm,
  };
}

function levelAfter(
  current: KnownLevel | null,
  above: Streaks,
  calm: Streaks,
  { policy, blindAfterMs, now }: { policy: MetricPolicy; blindAfterMs: number; now: number },
): KnownLevel | null {
  const raised = highestSustained(above, policy, now);
  if (current !== null) return worseOf(stillHeld(current, calm, policy, now), raised);
  // Never seen before: a reading over a bound must be sustained before it means a level, one below all bounds means normal. Where
  // that takes long, it is as it would be for a host that was normal before: not entered yet.
  const undecided = raisedLevels.some((level) => now - (above[level]?.since ?? Number.NEGATIVE_INFINITY) < blindAfterMs);
  return raised === 'normal' && undecided ? null : raised;
}

function highestSustained(above: Streaks, policy: MetricPolicy, now: number): KnownLevel {
  return (
    raisedLevels.findLast((level) => {
      const bound = policy.bounds[level];
      const streak = above[level];
      if (bound === undefined || streak === undefined) return false;
      return now - streak.since >= bound.enterAfterMs && streak.samples >= bound.enterAfterSamples;
    }) ?? 'normal'
  );
}

function stillHeld(current: KnownLevel, calm: Streaks, policy: MetricPolicy, now: number): KnownLevel {
  return (
    raisedLevels.findLast((level) => {
      if (compareLevels(level, current) > 0) return false;
      // A bound that the configuration no longer has cannot hold a level.
      if (policy.bounds[level] === undefined) return false;
      const streak = calm[level];
      return streak === undefined || now - streak.since < policy.calmMs;
    }) ?? 'normal'
  );
}

function streaks(before: Streaks, now: number, holds: (level: RaisedLevel) => boolean): Streaks {
  const after: { [level in RaisedLevel]?: Streak } = {};
  for (const level of raisedLevels) {
    if (!holds(level)) continue;
    const streak = before[level];
    // A wall clock that was set back must not lengthen the wait by an hour.
    after[level] = streak ? { since: Math.min(streak.since, now), samples: streak.samples + 1 } : { since: now, samples: 1 };
  }
  return after;
}
