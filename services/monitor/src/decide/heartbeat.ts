import type { Condition } from './conditions.js';

/** A monitor that gives no sign of life for so long is silent: three of its beats. */
export const SILENT_MS = 15_000;

/** The metric of these conditions. */
export const HEARTBEAT_METRIC = 'monitor-heartbeat';

/** What another monitor has been heard to say. Times are epoch ms of our own clock: nobody's clock is compared with ours. */
export interface Heard {
  /** Changes with every sign of life. */
  readonly sign: string;
  /** When it last changed; null while we have seen no change, only that it is there. */
  readonly changedAt: number | null;
  /** When we first saw it, or it came back from being silent. */
  readonly since: number;
}

export type Heartbeats = ReadonlyMap<string, Heard>;

/**
 * The signs of life after another look; a monitor that has signed off is not there any more. Who could not look for as long as makes
 * others silent could not hear them, and perhaps they could not speak: all begin anew.
 *
 * @param lookedAt epoch ms of the look before
 */
export function hear(
  heard: Heartbeats,
  signs: Readonly<Record<string, string>>,
  own: string,
  lookedAt: number,
  now: number,
): Heartbeats {
  const before: Heartbeats = now - lookedAt >= SILENT_MS ? new Map() : heard;
  return new Map(
    Object.entries(signs)
      .filter(([host]) => host !== own)
      .map(([host, sign]) => {
        const known = before.get(host);
        if (known === undefined) return [host, { sign, changedAt: null, since: now }];
        if (known.sign === sign) return [host, known];
        const wasSilent = now - (known.changedAt ?? known.since) >= SILENT_MS;
        return [host, { sign, changedAt: now, since: wasSilent ? now : known.since }];
      }),
  );
}

/** A monitor of itself: that it can say so ends what the others have said of it. @param since epoch ms of its start */
export function ownHeartbeat(host: string, since: number, now: number): Condition {
  return conditionOf(host, 'ok', 0, since, now);
}

/**
 * The other monitors as conditions: silent, or alive. One of which we have only seen a sign of some time is unknown until we know
 * better, and so are all where we have not been able to look.
 *
 * @param lookedAt epoch ms of the last look at the signs
 */
export function heartbeatConditions(heard: Heartbeats, lookedAt: number, now: number): readonly Condition[] {
  return [...heard].map(([host, { changedAt, since }]) => {
    const quietMs = lookedAt - (changedAt ?? since);
    const isSilent = quietMs >= SILENT_MS;
    const isBlind = now - lookedAt >= SILENT_MS || (changedAt === null && !isSilent);
    const state = isBlind ? 'unknown' : isSilent ? 'firing' : 'ok';
    return conditionOf(host, state, isSilent ? quietMs : 0, isSilent ? now - quietMs : since, now);
  });
}

function conditionOf(host: string, state: Condition['state'], quietMs: number, since: number, now: number): Condition {
  const seconds = Math.round(quietMs / 1000);
  return {
    name: 'silent',
    service: host,
    metric: HEARTBEAT_METRIC,
    state,
    severity: 'critical',
    status: quietMs > 0 ? 'silent' : 'alive',
    threshold: SILENT_MS / 1000,
    current_value: seconds,
    summary:
      quietMs > 0
        ? `the monitor of ${host} has given no sign of life for ${seconds} s: nobody guards that host`
        : `the monitor of ${host} is alive`,
    at: now,
    since,
    depends_on: [],
    affects: [],
  };
}
