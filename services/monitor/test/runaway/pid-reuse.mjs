// Runs as process 1 of a pid namespace of its own: forces numbers of processes to be used again while a kill is on its way.
// Prints, as JSON, what became of the processes that got them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { killRunaway } from '../../dist/act/kill.js';
import { readProcessTable } from '../../dist/host/process-table.js';

/** Higher than SIGKILL and SIGTERM, and ends who does not expect it. */
const OUR_OWN_SIGNAL = 'SIGVTALRM';
const [rounds, graceMs] = process.argv.slice(2).map(Number);

async function sleeper() {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  return { child, pid: child.pid, ended: once(child, 'exit') };
}

/** A process that has this very number; null where another one was faster. */
async function takeNumber(pid) {
  for (let tries = 0; tries < 20; tries += 1) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    const taken = await sleeper();
    if (taken.pid === pid) return taken;
    taken.child.kill('SIGKILL');
    await taken.ended;
  }
  return null;
}

const identityOf = (pid) => readProcessTable().processes.find((each) => each.pid === pid);

/** The kill of the guard. It looks only at the end of the grace time, so that nothing but the identity can save whoever has the number then. */
const byIdentity = (victim) => killRunaway({ mode: 'on', members: [victim], graceMs }, { pollMs: 60_000, reapMs: 1 });

/** What a kill by number does: the control. */
async function byNumber({ pid }) {
  process.kill(pid, 'SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, graceMs));
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    return { result: 'gone' };
  }
  return { result: 'killed' };
}

/** @param when the number is taken again: within the grace time, or between the decision and the kill */
async function round(kill, when) {
  const victim = await sleeper();
  const identity = identityOf(victim.pid);
  let killing;
  if (when === 'within') killing = kill(identity);
  else victim.child.kill('SIGKILL');
  await victim.ended;
  // Later than the hundredth of a second in which the victim was born.
  if (when === 'before') await new Promise((resolve) => setTimeout(resolve, 15));
  const innocent = await takeNumber(victim.pid);
  if (innocent === null) return null;
  const sameTick = identityOf(innocent.pid)?.startTime === identity.startTime;
  // Born in the same hundredth of a second it is told apart by the descriptor that is held, and by nothing before that.
  if (when === 'before' && sameTick) {
    innocent.child.kill('SIGKILL');
    await innocent.ended;
    return null;
  }
  const { result } = await (killing ?? kill(identity));
  // Of two signals that wait the lower number is heard first: what a process dies of says whether any other was sent before, however late
  // it is heard.
  innocent.child.kill(OUR_OWN_SIGNAL);
  const [, diedOf] = await innocent.ended;
  const isAlive = diedOf === OUR_OWN_SIGNAL;
  return { when, result, isAlive, sameTick };
}

async function roundsOf(kill, when, count) {
  const seen = [];
  for (let tries = 0; seen.length < count && tries < count * 4; tries += 1) {
    const one = await round(kill, when);
    if (one !== null) seen.push(one);
  }
  return seen;
}

const half = Math.ceil(rounds / 2);
const seen = [...(await roundsOf(byIdentity, 'within', half)), ...(await roundsOf(byIdentity, 'before', half))];
const control = await roundsOf(byNumber, 'within', Math.max(5, Math.ceil(rounds / 5)));
process.stdout.write(JSON.stringify({ seen, control }));
