import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { insistRedis } from './ask-redis.mjs';
import { collect } from './evidence.mjs';
import { examine } from './examine.mjs';
import { carryOut } from './faults.mjs';
import { planFaults } from './plan.mjs';
import { setScene } from './scene.mjs';

// Far above what it takes: whoever has not come to rest by then hangs.
const REST_MS = 240_000;

/**
 * Runs the ledger test: faults for so many seconds, then everything is healed, comes to rest, and is examined.
 * @returns what was found: violations, figures, plan, problems that the children told, and the evidence
 */
export async function runLedger({ seconds, seed, leaseMs, perSecond, signal, say }) {
  const plan = planFaults({ seed, seconds, leaseMs });
  const scene = await setScene({ leaseMs, perSecond, signal });
  try {
    const begun = Date.now();
    await carryOut(plan, scene, ({ kind, on, who, lasts }, start) => {
      say(`${((Date.now() - start) / 1000).toFixed(1).padStart(6)} s  ${kind}: ${who ?? on}${lasts > 0 ? ` (${lasts} ms)` : ''}`);
    });
    for (const proxy of Object.values(scene.proxies)) await proxy.heal();
    say('healed; waiting until everything has come to rest');
    const healed = Date.now();
    const hangs = await comeToRest(scene, say);
    const folders = Object.values(scene.producers).map(({ name }) => join(scene.folder, name));
    const groups = Object.keys(scene.groups);
    const left = await insistRedis(scene.redis.url, (redis) => collect({ ...scene, redis, groups, folders }), signal);
    const { violations, figures } = examine(left);
    for (const hang of hangs) violations.unshift({ what: hang });
    const spooled = Math.max(...scene.members.map((member) => member.figures.spooled ?? 0));
    const problems = scene.members.flatMap((member) => member.problems);
    const times = { begun, faultsMs: healed - begun, restMs: Date.now() - healed };
    return { violations, figures: { ...figures, spooled, ...times }, plan, problems, left };
  } finally {
    await scene.close();
  }
}

async function comeToRest(scene, say) {
  const hangs = [];
  const within = async (what, work) => {
    const given = new AbortController();
    const late = wait(REST_MS, true, { signal: given.signal }).catch(() => false);
    const aborted = new Promise((_, fail) => scene.signal.addEventListener('abort', () => fail(new Error('interrupted'))));
    if (await Promise.race([work().then(() => false), late, aborted])) hangs.push(`hangs: ${what}`);
    given.abort();
    say(what);
  };
  const producers = Object.values(scene.producers);
  await within('the producers have nothing in hand and nothing in their spools', () => finished(producers));
  await within('the groups have nothing unread and nothing pending', () => untilRead(scene));
  await within('the consumers have ended in order', () => finished(Object.values(scene.groups).flat()));
  return hangs;
}

// Told again and again: one may just have started anew.
async function finished(members) {
  await Promise.all(
    members.map(async (member) => {
      let done = false;
      while (!done) {
        member.tell('finish');
        done = await Promise.race([member.finished.then(() => true), wait(1000, false)]);
      }
    }),
  );
}

async function untilRead({ redis, stream, groups, signal }) {
  const isRead = (flat) => {
    const of = (name) => flat[flat.indexOf(name) + 1];
    return of('pending') === 0 && of('lag') === 0;
  };
  for (;;) {
    const known = await insistRedis(redis.url, (client) => client.xinfo('GROUPS', stream), signal);
    if (known.length === Object.keys(groups).length && known.every(isRead)) return;
    await wait(200);
  }
}
