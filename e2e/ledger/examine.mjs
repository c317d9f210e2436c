import { isAnswered } from './subjects.mjs';

const keyOf = ({ source, id }) => `${source}/${id}`;

/**
 * The verdict over what is left behind.
 * @param left `groups`, `accepted` and `called` ([subject, seq] of all producers), `entries` and `outputs` of the streams, `effects`,
 *   `runs`, `deadLetters`, `unread`
 * @returns violations (what, subject, seq, group, …) and figures
 */
export function examine(left) {
  const violations = [];
  const events = firstEntries(left.entries);
  inTheStream(left, events, violations);
  for (const group of left.groups) {
    const effects = left.effects.filter((one) => one.group === group);
    effectsOf(group, left, events, effects, violations);
    outputsOf(group, left, effects, violations);
  }
  for (const { code, group, count } of left.deadLetters) violations.push({ what: `${count} dead letters (${code})`, group });
  for (const { group, count } of left.unread)
    violations.push({ what: `${count} entries are said to be lost before they were read`, group });
  return { violations, figures: figuresOf(left, events) };
}

/** `subject/seq` → its event, in the order of the stream. */
function firstEntries(entries) {
  const events = new Map();
  for (const entry of entries) {
    const name = `${entry.subject}/${entry.seq}`;
    if (!events.has(name)) events.set(name, entry);
  }
  return events;
}

function inTheStream({ accepted, called, entries }, events, violations) {
  const everCalled = new Set(called.map(([subject, seq]) => `${subject}/${seq}`));
  for (const [subject, seq] of accepted)
    if (!events.has(`${subject}/${seq}`)) violations.push({ what: 'accepted, and not in the stream', subject, seq });
  const ids = new Map();
  for (const { subject, seq, id } of entries) {
    const name = `${subject}/${seq}`;
    if (!everCalled.has(name)) violations.push({ what: 'in the stream, and never published', subject, seq });
    if ((ids.get(name) ?? id) !== id) violations.push({ what: 'in the stream with two ids', subject, seq });
    ids.set(name, id);
  }
  outOfOrder([...events.values()], 'in the stream before an earlier one of its subject', {}, violations);
}

function effectsOf(group, { accepted }, events, effects, violations) {
  const had = new Set(effects.map(keyOf));
  for (const { subject, seq, ...event } of events.values())
    if (!had.has(keyOf(event))) violations.push({ what: 'in the stream, and without effect', group, subject, seq });
  const took = new Set(effects.map(({ subject, seq }) => `${subject}/${seq}`));
  for (const [subject, seq] of accepted)
    if (!took.has(`${subject}/${seq}`)) violations.push({ what: 'accepted, and without effect', group, subject, seq });
  for (const effect of effects) {
    const event = events.get(`${effect.subject}/${effect.seq}`);
    if (event === undefined || keyOf(event) !== keyOf(effect))
      violations.push({ what: 'an effect of nothing that was published', group, subject: effect.subject, seq: effect.seq });
  }
  // Whoever woke up beside its successor may repeat what it had begun: the first effect counts, and there is no other.
  outOfOrder(effects, 'its first effect is before that of an earlier one of its subject', { group }, violations);
}

function outputsOf(group, { outputs }, effects, violations) {
  const ids = new Map();
  for (const { source, id, cause } of outputs) {
    if (source !== `/ops/${group}`) continue;
    if (!ids.has(cause)) ids.set(cause, new Set());
    ids.get(cause).add(id);
  }
  for (const effect of effects) {
    const { subject, seq } = effect;
    const found = ids.get(keyOf(effect))?.size ?? 0;
    const wanted = isAnswered(effect.id) ? 1 : 0;
    if (found !== wanted)
      violations.push({ what: `${found} answers with ids of their own instead of ${wanted}`, group, subject, seq });
  }
}

function outOfOrder(list, what, more, violations) {
  const highest = new Map();
  for (const { subject, seq } of list) {
    if (seq < (highest.get(subject) ?? 0)) violations.push({ what, ...more, subject, seq, after: highest.get(subject) });
    else highest.set(subject, seq);
  }
}

function figuresOf({ groups, accepted, called, entries, outputs, effects, runs }, events) {
  const perGroup = groups.map((group) => {
    const took = effects.filter((one) => one.group === group);
    const ran = runs.filter((one) => one.group === group);
    const times = took.map(({ at }) => at).toSorted((a, b) => a - b);
    return {
      group,
      effects: took.length,
      runs: ran.length,
      tries: ran.filter(({ attempt }) => attempt > 1).length,
      readers: ran.filter(({ consumer }, index) => consumer !== ran[index - 1]?.consumer).length,
      longestGap: longestGapOf(times),
    };
  });
  return {
    published: called.length,
    accepted: accepted.length,
    entries: entries.length,
    events: events.size,
    outputs: outputs.length,
    outputDoubles: outputs.length - new Set(outputs.map(keyOf)).size,
    perGroup,
  };
}

function longestGapOf(times) {
  let longest = { from: 0, ms: 0 };
  for (const [index, at] of times.entries()) {
    const from = times[index - 1] ?? at;
    if (at - from > longest.ms) longest = { from, ms: at - from };
  }
  return longest;
}
