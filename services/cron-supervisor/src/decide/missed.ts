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

// Somebody who comes back after months is told in several rounds.
const MOST_AT_ONCE = 500;

/** Judges the slots whose grace is over: each was served by a run, or is missed. */
export function judgeSlots(facts: SlotFacts, now: number): SlotPlan {
  const missed: MissedSlot[] = [];
  let judged = facts.next_slot - 1;
  let slot: number | undefined = facts.next_slot;
  for (let steps = 0; slot !== undefined && steps < MOST_AT_ONCE; steps += 1) {
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

// Whoever knocked while nobody was at home may knock again: he has the grace once more from our return on.
function deadlineOf(slot: number, { grace_ms: grace, away }: SlotFacts): { deadline: number; unseen: boolean } {
  const unseen = away !== undefined && slot < away.to && slot + grace > away.from;
  return unseen ? { deadline: Math.max(slot, away.to) + grace, unseen } : { deadline: slot + grace, unseen };
}
