import { expect, it } from 'vitest';
import { FRESH_WATCH, type Glance, WATCH_POLICY, watchWorker } from '../../src/queues/watchdog.js';

const idle = { due: 1, active: 0, begun: 0, paused: false };
/** The seconds at which a worker is restarted, in ten minutes with a look every 5 s. */
function restarts(seen: (second: number) => Partial<Glance> | undefined, seconds = 600): number[] {
  let watch = FRESH_WATCH;
  const found: number[] = [];
  for (let second = 0; second <= seconds; second += 5) {
    const given = seen(second);
    const { restart, next } = watchWorker(watch, given && { ...idle, at: second * 1000, ...given }, WATCH_POLICY);
    watch = next;
    if (restart) {
      found.push(second);
      watch = { ...watch, begun: 0 };
    }
  }
  return found;
}

it.each([
  ['nothing is due', () => ({ due: 0 }), []],
  ['somebody works', () => ({ active: 1 }), []],
  ['the queue is paused on purpose', () => ({ paused: true }), []],
  ['Redis does not answer', () => undefined, []],
  ['jobs are begun', (second: number) => ({ begun: second }), []],
  ['jobs are begun now and then', (second: number) => ({ begun: Math.floor(second / 25) }), []],
  ['it was idle for a moment', (second: number) => ({ due: second % 30 === 0 ? 0 : 1 }), []],
  // What was seen before an outage says nothing after it: the worker gets its 30 s to come back.
  ['Redis was away in between', (second: number) => (second === 25 ? undefined : { due: second <= 50 ? 1 : 0 }), []],
  ['jobs are due and nobody begins them: at 30 s, then a pause of 1, 2, 4 minutes', () => ({}), [30, 90, 210, 450]],
])('%s', (_what, seen: (second: number) => Partial<Glance> | undefined, expected) => {
  expect(restarts(seen)).toEqual(expected);
});

it('never more than once in ten minutes, at last', () => {
  const all = restarts(() => ({}), 6000);
  expect(all.slice(-2).reduce((a, b) => b - a)).toBe(600);
});

it('a worker that has worked again begins with the short pause', () => {
  // Silent, at work for a moment after 105 s, silent again.
  const found = restarts((second) => ({ begun: second === 105 ? 1 : 0 }), 300);
  expect(found).toEqual([30, 90, 150, 210]);
});
