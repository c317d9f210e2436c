import type { Request } from '../deployment-types.js';

/** Times in ms. */
export interface RemediationPolicy {
  readonly first_pause: number;
  readonly factor: number;
  readonly longest_pause: number;
  readonly ceiling: number;
  readonly within: number;
}

/** A remediation restart that was carried out. */
export interface PastRestart {
  /** Compose services; empty means all of the project. */
  readonly services: Request['services'];
  /** Epoch ms. */
  readonly endedAt: number;
}

export type RemediationVerdict =
  | { readonly kind: 'now' }
  | { readonly kind: 'wait'; readonly until: number; readonly reason: string }
  | { readonly kind: 'blocked'; readonly found: string; readonly reason: string };

/**
 * Whether software may restart these services now. What restarts in vain must not do so for ever: each restart within `within` makes
 * the pause after the last one longer, and past the ceiling a person has to look. `within` without one forgets them all.
 *
 * @param services that are to be restarted; empty means all of the project
 * @param past remediation restarts of the same project, in any order
 */
export function judgeRemediation(
  services: Request['services'],
  past: readonly PastRestart[],
  policy: RemediationPolicy,
  now: number,
): RemediationVerdict {
  const ends = past
    .filter((one) => overlap(one.services, services) && one.endedAt > now - policy.within)
    .map(({ endedAt }) => endedAt)
    .sort((a, b) => a - b);
  const last = ends.at(-1);
  if (last === undefined) return { kind: 'now' };
  const found = `${ends.length} in the last ${inWords(policy.within)}`;
  if (ends.length >= policy.ceiling) {
    const first = ends[ends.length - policy.ceiling] ?? last;
    const again = new Date(first + policy.within).toISOString();
    return {
      kind: 'blocked',
      found,
      reason: `the ceiling of restarts by remediation is reached: ${found}; the next one from ${again}, or by a person`,
    };
  }
  const pause = Math.min(policy.first_pause * policy.factor ** (ends.length - 1), policy.longest_pause);
  const until = last + pause;
  if (now >= until) return { kind: 'now' };
  const reason = `restarted by remediation ${found}: it waits until ${new Date(until).toISOString()}, ${inWords(pause)} after the last one`;
  return { kind: 'wait', until, reason };
}

// All of the project is all of them.
function overlap(some: Request['services'], others: Request['services']): boolean {
  return some.length === 0 || others.length === 0 || some.some((service) => others.includes(service));
}

function inWords(ms: number): string {
  if (ms >= 3_600_000) return `${round(ms / 3_600_000)} h`;
  return ms >= 60_000 ? `${round(ms / 60_000)} min` : `${round(ms / 1000)} s`;
}

const round = (value: number) => Math.round(value * 10) / 10;
