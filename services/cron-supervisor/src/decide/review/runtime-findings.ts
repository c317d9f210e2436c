import { type Finding, finding, type Named } from './finding.js';
import { growthInWords, inWords } from './in-words.js';
import type { RuntimeChange } from './runtime-change.js';

/** What is said of a change in runtime; undefined where there is none. */
export function runtimeFinding(job: Named, change: RuntimeChange): Finding | undefined {
  if (change.kind === 'none') return undefined;
  const { before_ms, now_ms, days_ago, chance } = change;
  const ratio = now_ms / before_ms;
  const facts = { before_ms: Math.round(before_ms), now_ms: Math.round(now_ms), ratio: round(ratio), days_ago, chance };
  const how = `${inWords(before_ms)} → ${inWords(now_ms)} (${growthInWords(ratio)})`;
  if (change.kind === 'drift') {
    const text = `takes longer and longer: ${how} over ${days_ago} days`;
    return finding(job, 'runtime-drift', text, facts, 3 + Math.log2(ratio));
  }
  const text =
    ratio > 1
      ? `takes longer since ${days_ago} days ago, at once: ${how}`
      : `takes much less time since ${days_ago} days ago: ${how}; see whether it still does its work`;
  return finding(job, 'runtime-step', text, facts, 3 + Math.abs(Math.log2(ratio)));
}

const round = (value: number) => Math.round(value * 100) / 100;
