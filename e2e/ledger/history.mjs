const AROUND_MS = 10_000;
const NEIGHBOURS = 4;
const MOST = 20;

const clock = (at) => new Date(at).toISOString().slice(11, 23);

/** The first violations, each with everything that is known of its subject around it. */
export function tellViolations(violations, left, plan) {
  return violations.slice(0, MOST).flatMap((violation) => {
    const { what, group, subject, seq, after } = violation;
    const title = `VIOLATION ${subject ?? ''}${seq === undefined ? '' : `/${seq}`} ${group ?? ''}: ${what}${after === undefined ? '' : ` (after ${after})`}`;
    return subject === undefined ? [title] : [title, ...historyOf(violation, left, plan).map((line) => `  ${line}`)];
  });
}

function historyOf({ subject, seq, group, after = seq }, left, plan) {
  const [from, to] = [Math.min(seq, after) - NEIGHBOURS, Math.max(seq, after) + NEIGHBOURS];
  const near = (one) => one.subject === subject && one.seq >= from && one.seq <= to;
  const isOf = (one) => near(one) && (group === undefined || one.group === group);
  const accepted = left.accepted.filter(([name, n]) => name === subject && n >= from && n <= to).map(([, n]) => n);
  const lines = [
    ...left.entries
      .filter(near)
      .map((one) => [Number.parseInt(one.entry, 10), `entry  ${one.entry} seq ${one.seq} id ${one.id}`]),
    ...left.runs
      .filter(isOf)
      .map((one) => [one.at, `run    seq ${one.seq} by ${one.consumer} of ${one.group}, attempt ${one.attempt}`]),
    ...left.effects
      .filter(isOf)
      .map((one) => [one.at, `effect seq ${one.seq} by ${one.consumer} of ${one.group}, rank ${one.rank}`]),
  ];
  const times = lines.map(([at]) => at);
  const [first, last] = [Math.min(...times) - AROUND_MS, Math.max(...times) + AROUND_MS];
  for (const { kind, on, who, began, ended } of plan)
    if (began <= last && (ended ?? Number.POSITIVE_INFINITY) >= first)
      lines.push([began, `FAULT  ${kind}: ${who ?? on}, until ${ended === undefined ? 'the end' : clock(ended)}`]);
  return [`accepted: ${accepted.join(' ')}`, ...lines.toSorted(([a], [b]) => a - b).map(([at, text]) => `${clock(at)} ${text}`)];
}
