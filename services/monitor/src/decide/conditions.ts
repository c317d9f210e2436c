import type { EventData, Level } from '@ops/shared/events';

export type Severity = EventData<'alert.raised'>['severity'];
type Scalar = EventData<'alert.raised'>['threshold'];

/** One thing that can be wrong. `unknown` means that nobody can tell now: it neither raises nor clears an alert. */
export interface Condition {
  /** With service and metric, what makes it this condition and no other. */
  readonly name: string;
  readonly service: string;
  readonly metric: string;
  readonly state: 'firing' | 'ok' | 'unknown';
  readonly severity: Severity;
  readonly status: string;
  readonly threshold: Scalar;
  readonly current_value: Scalar;
  readonly summary: string;
  /** Epoch ms. */
  readonly at: number;
  /** Epoch ms at which it came to be as it is; null where nobody has noted it. */
  readonly since: number | null;
  readonly depends_on: readonly string[];
  readonly affects: readonly string[];
}

const BLIND_AFTER_MS = 5000;
const GUARD_LEVELS = ['warn', 'critical', 'emergency', 'unknown'] as const;
const GUARD_SEVERITY = { warn: 'warning', critical: 'critical', emergency: 'emergency', unknown: 'warning' } as const;

/** The guard's level as conditions: one for each level that is not normal, of which the present one fires. Blind, the others are unknown. */
export function guardConditions(
  host: string,
  guard: { level: Level; since: number; reason: string },
  now: number,
): readonly Condition[] {
  const { level, since, reason } = guard;
  // Every start is blind for a moment, until the first readings.
  const justBegun = level === 'unknown' && now - since < BLIND_AFTER_MS;
  return GUARD_LEVELS.map((name) => ({
    name,
    service: host,
    metric: 'guard-level',
    state: justBegun ? 'unknown' : name === level ? 'firing' : level === 'unknown' ? 'unknown' : 'ok',
    severity: GUARD_SEVERITY[name],
    status: level,
    threshold: name,
    current_value: level,
    summary: `${host} is at ${level}: ${reason}`,
    at: now,
    since,
    depends_on: [],
    affects: [],
  }));
}
