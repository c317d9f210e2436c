import { nextSlot, type Schedule } from '@ops/shared/schedule';

export interface SlotFacts {
  readonly schedule: Schedule;
  readonly grace_ms: number;
  /** The first slot that has not been judged; epoch ms. */
  readonly next_slot: number;
  /** Slots that a run served. */
  readonly served: ReadonlySet<number>;
  /** When we came back after the last time that nobody listened, and when that began; for sources that cannot be asked afterwards. */
  readonly away: { readonly from: number; readonly to: number } | undefined;
}

export interface MissedSlot {
  readonly slot: number;
  readonly deadline: number;
  /** It may have run while we were away, and could not tell. */
  readonly unseen: boolean;
}

export interface SlotPlan {
  readonly missed: readonly MissedSlot[];
  /** Every slot up to it is judged now. */
  readonly judged_until: number;
  readonly next_slot: number | undefined;
  /** When that one is to be judged. */
  readonly due_at: number | undefined;
}

// Of a longer absence only the last day is told, slot by slot: what was before, nobody can act on, and it may be millions of slots.
const TOLD_OF_AN_ABSENCE_MS = 86_400_000;

/**
 * Judges the slots whose grace is over: each was served by a run, or is missed.
 * @param most so many at once: somebody who comes back after months is told in several rounds
 */
export function judgeSlots(facts: SlotFacts, now: number, most: number): SlotPlan {
  const missed: MissedSlot[] = [];
  let slot: number | undefined = firstTold(facts, now);
  let judged = (slot ?? now) - 1;
  for (let steps = 0; slot !== undefined && steps < most; steps += 1) {
    const served = facts.served.has(slot);
    const { deadline, unseen } = deadlineOf(slot, facts);
    if (!served && now < deadline) return { missed, judged_until: judged, next_slot: slot, due_at: deadline };
    if (!served) missed.push({ slot, deadline, unseen });
    judged = slot;
    slot = nextSlot(facts.schedule, slot);
  }
  return {
    missed,
    judged_until: judged,
    next_slot: slot,
    due_at: slot === undefined ? undefined : deadlineOf(slot, facts).deadline,
  };
}

function firstTold(facts: SlotFacts, now: number): number | undefined {
  const { next_slot: first, schedule } = facts;
  const old = now - TOLD_OF_AN_ABSENCE_MS;
  return first < old && deadlineOf(first, facts).unseen && deadlineOf(old, facts).unseen ? nextSlot(schedule, old) : first;
}

// Whoever knocked while nobody was at home may knock again: he has the grace once more from our return on.
function deadlineOf(slot: number, { grace_ms: grace, away }: SlotFacts): { deadline: number; unseen: boolean } {
  const unseen = away !== undefined && slot < away.to && slot + grace > away.from;
  return unseen ? { deadline: Math.max(slot, away.to) + grace, unseen } : { deadline: slot + grace, unseen };
}
