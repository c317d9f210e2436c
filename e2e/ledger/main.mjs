// The ledger: producers, consumers, Redis and the network are hurt at random; every accepted event must have had its effect exactly once.
// `pnpm ledger` for 10 minutes; `--seconds 60`, `--seed 7` for the same faults again, `--write` leaves a report in docs/proofs/.
import { setMaxListeners } from 'node:events';
import { parseArgs } from 'node:util';
import { tellViolations } from './history.mjs';
import { reportLines, writeReport } from './report.mjs';
import { runLedger } from './run.mjs';

const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    rate: { type: 'string', default: '150' },
    write: { type: 'boolean', default: false },
  },
});
const seconds = Number(given.seconds ?? Number(given.minutes) * 60);
const seed = given.seed === undefined ? Math.floor(Math.random() * 1e6) : Number(given.seed);
const leaseMs = seconds > 120 ? 5000 : 2000;
const say = (line) => process.stdout.write(`${line}\n`);

const stop = new AbortController();
// Every fault listens.
setMaxListeners(0, stop.signal);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
// Started by a test, it ends with it.
process.on('disconnect', () => stop.abort());

say(`ledger: ${seconds} s of faults, seed ${seed}`);
try {
  const result = await runLedger({ seconds, seed, leaseMs, perSecond: Number(given.rate), signal: stop.signal, say });
  for (const line of tellViolations(result.violations, result.left, result.plan)) say(line);
  for (const problem of result.problems.slice(0, 20)) say(`PROBLEM ${problem}`);
  const facts = { ...result, seed, seconds, leaseMs, rate: Number(given.rate) };
  for (const line of reportLines(facts)) say(line);
  if (given.write) say(`written: ${writeReport(facts)}`);
  process.exitCode = result.violations.length + result.problems.length > 0 ? 1 : 0;
} catch (error) {
  process.exitCode = 1;
  if (stop.signal.aborted) say('interrupted');
  else throw error;
}
// Not by running out of work: Node (20.20) spins for ever in its clean-up where the far end of a pipe, frozen or killed, is still closing.
process.exit();
