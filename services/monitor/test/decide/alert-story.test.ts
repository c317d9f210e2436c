import { expect, test } from 'vitest';
import { isRoundTrip, noStory, tellOn, untold } from '../../src/decide/alert-story.js';
import type { Condition } from '../../src/decide/conditions.js';
import { fingerprintOf } from '../../src/fingerprint.js';
import { conditionOf } from './condition-of.js';

const condition = (service: string, state: Condition['state'], at: number) => conditionOf(state, { service, at });

test('each beginning and end is told once, at its own time; unknown tells nothing, and well is no news', () => {
  const looks: [string, Condition['state'], number][] = [
    ['crm', 'ok', 1],
    ['crm', 'firing', 2],
    ['crm', 'firing', 3],
    ['crm', 'unknown', 4],
    ['redis', 'unknown', 5],
    ['crm', 'ok', 6],
    ['crm', 'firing', 7],
  ];
  const story = looks.reduce((before, look) => tellOn(before, [condition(...look)]), noStory);
  expect(story.changes.map(({ service, state, at }) => [service, state, at])).toEqual([
    ['crm', 'firing', 2],
    ['crm', 'ok', 6],
    ['crm', 'firing', 7],
  ]);
});

test('without news it is the same story, and it does not grow for ever', () => {
  expect(tellOn(noStory, [condition('crm', 'ok', 1)])).toEqual(noStory);
  let story = noStory;
  for (let at = 0; at < 5_000; at += 1) story = tellOn(story, [condition('crm', at % 2 === 0 ? 'firing' : 'ok', at)]);
  expect(story.changes).toHaveLength(2_000);
  expect(story.changes.at(-1)?.at).toBe(4_999);
});

test('a round trip is a condition that has changed more than once', () => {
  expect(isRoundTrip([condition('crm', 'firing', 1), condition('redis', 'firing', 2)])).toBe(false);
  expect(isRoundTrip([condition('crm', 'firing', 1), condition('crm', 'ok', 2)])).toBe(true);
});

test('what another monitor has told of already is not told again; its later fall is', () => {
  const changes = [condition('crm', 'firing', 1_000), condition('crm', 'ok', 2_000), condition('crm', 'firing', 9_000)];
  const ended = new Map([[fingerprintOf(condition('crm', 'ok', 0)), 2_100]]);
  expect(untold(changes, ended).map(({ state, at }) => `${state} ${at}`)).toEqual(['ok 2000', 'firing 9000']);
  expect(untold(changes, new Map())).toEqual(changes);
});
