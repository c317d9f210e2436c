import { until } from './clock.mjs';

/** When each watcher said since a time that a thing is bad, counted from another; undefined for who did not. */
export async function toldOf({ notices, watchers, whats, since, from, within }) {
  const asked = Object.keys(whats).filter((by) => watchers[by] !== undefined);
  const told = await Promise.all(asked.map((by) => notices.next({ by, what: whats[by], bad: true, since }, within)));
  const found = asked.flatMap((by, index) => (told[index] === undefined ? [] : [[by, told[index].at - from]]));
  return Object.fromEntries(found);
}

/** Waits until nobody says any more that a thing is bad. */
export function allGood({ notices, watchers, whats }, within = 30_000) {
  const asked = Object.keys(whats).filter((by) => watchers[by] !== undefined);
  return until(() => asked.every((by) => notices.last(by, whats[by]) !== true), within, 'all say that it is good again');
}

/** One line of what was told, for who looks on. */
export function toldLine(told, whats) {
  return Object.keys(whats)
    .map((by) => `${by} ${told[by] === undefined ? 'never' : `${told[by].toFixed(0)} ms`}`)
    .join(', ');
}
