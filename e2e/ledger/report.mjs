import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** The outcome as lines of Markdown. */
export function reportLines({ violations, problems, figures, plan, seed, seconds: asked, leaseMs, rate }) {
  const kinds = new Map();
  for (const { kind } of plan) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const lines = [
    `- verdict: ${violations.length === 0 ? 'every accepted event had its effect exactly once in each group, in order per subject; none lost' : `${violations.length} VIOLATIONS`}`,
    `- faults: ${plan.length} in ${seconds(figures.faultsMs)} (${asked} s asked for, seed ${seed}); at rest ${seconds(figures.restMs)} after the last was healed`,
    `- lease ${leaseMs} ms; 3 producers, ${rate} events a second between them; groups of 3 and of 2 consumers`,
    `- given to \`publish\` ${figures.published} (again after a kill included), accepted ${figures.accepted}, events in the stream ${figures.events}, entries ${figures.entries}: ${figures.entries - figures.events} doubles, absorbed by their id`,
    `- most in one spool at a time: ${figures.spooled} events`,
    `- answers of handlers: ${figures.outputs} entries, ${figures.outputDoubles} doubles`,
  ];
  for (const { group, effects, runs, tries, readers, longestGap } of figures.perGroup)
    lines.push(
      `- ${group}: ${effects} effects, ${runs} handler runs (${runs - effects} beyond one an event, ${tries} of them tries after an error), ${readers - 1} changes of the reader, longest time without an effect ${seconds(longestGap.ms)}, from ${seconds(longestGap.from - figures.begun)} on`,
    );
  lines.push(`- errors in the children: ${problems.length}`, '', '| fault | times |', '|---|---|');
  for (const [kind, times] of [...kinds].toSorted()) lines.push(`| ${kind} | ${times} |`);
  return lines;
}

/** Leaves the report in docs/proofs, named by the day. */
export function writeReport(facts) {
  const folder = new URL('../../docs/proofs/', import.meta.url).pathname;
  mkdirSync(folder, { recursive: true });
  const day = new Date().toISOString().slice(0, 10);
  const machine = `Node ${process.version}, ${cpus().length} cores (${cpus()[0]?.model.trim()}), Redis with an append-only file (everysec, noeviction).`;
  const command = `\`node e2e/ledger/main.mjs --seconds ${facts.seconds} --seed ${facts.seed}\` makes the same plan of faults again.`;
  const text = [`# The ledger, ${day}`, '', `${machine} What it proves, and what not: docs/bus.md, "The ledger". ${command}`, ''];
  writeFileSync(join(folder, `ledger-${day}.md`), `${[...text, ...reportLines(facts)].join('\n')}\n`);
  return `docs/proofs/ledger-${day}.md`;
}
