import { setTimeout as wait } from 'node:timers/promises';
import { askRedis, insistRedis } from './ask-redis.mjs';

const leaseOf = (stream, group) => `ops:lease:{${stream}}:${group}`;

/** What each kind of fault does to the scene: begins, lasts, ends. */
const DOES = {
  'producer killed': (scene, fault) => away(scene, fault, scene.producers[fault.on], 'kill'),
  'producer frozen': (scene, fault) => scene.producers[fault.on].freeze(fault.lasts, scene.signal),
  'reader killed': async (scene, fault) => away(scene, fault, await readerOf(scene, fault), 'kill'),
  'consumer killed': (scene, fault) => away(scene, fault, anyOf(scene, fault), 'kill'),
  'consumer stopped in order': (scene, fault) => away(scene, fault, anyOf(scene, fault), 'stop'),
  'reader frozen past its lease': async (scene, fault) => (await readerOf(scene, fault)).freeze(fault.lasts, scene.signal),
  'Redis killed': async (scene, fault) => {
    await killRedis(scene);
    await lasting(scene, fault);
    await scene.redis.start();
  },
  'Redis restarted in order': async (scene, fault) => {
    await scene.redis.stop();
    await lasting(scene, fault);
    await scene.redis.start();
  },
  'Redis frozen': async (scene, fault) => {
    scene.redis.pause();
    await lasting(scene, fault);
    scene.redis.resume();
  },
  'Redis full': async (scene, fault) => {
    const allow = (bytes) => insistRedis(scene.redis.url, (redis) => redis.config('SET', 'maxmemory', bytes), scene.signal);
    await allow(1);
    await lasting(scene, fault);
    await allow(0);
  },
  'connections reset': (scene, fault) => scene.proxies[fault.on].reset(),
  'connections half-open for ever': (scene, fault) => scene.proxies[fault.on].strand(),
  'black hole': (scene, fault) => weather(scene, fault, (proxy) => proxy.blackhole()),
  'connections held up, new ones work': (scene, fault) => weather(scene, fault, (proxy) => proxy.stall()),
  'replies cut': (scene, fault) => weather(scene, fault, (proxy) => proxy.cutReplies()),
  'connections refused': (scene, fault) =>
    weather(scene, fault, async (proxy) => {
      await proxy.refuse();
      proxy.reset();
    }),
  latency: (scene, fault) => weather(scene, fault, (proxy) => proxy.latency(fault.extent)),
};

/** Carries out a plan: each fault at its time, beside those that still last. Resolves when all are over; notes when they began and ended. */
export async function carryOut(plan, scene, said) {
  const begun = Date.now();
  // One at a time where they strike the same thing, also when a restart takes longer than was planned.
  const turns = new Map();
  const ended = await Promise.allSettled(
    plan.map((fault) => {
      const turn = (turns.get(fault.on) ?? Promise.resolve()).then(() => strike(fault));
      turns.set(fault.on, turn);
      return turn;
    }),
  );
  // Only now: whoever closes the scene must not meet a fault that is just starting something.
  const failed = ended.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw failed.reason;

  async function strike(fault) {
    await wait(Math.max(0, begun + fault.at - Date.now()), undefined, { signal: scene.signal });
    fault.began = Date.now();
    said(fault, begun);
    await DOES[fault.kind](scene, fault);
    fault.ended = Date.now();
  }
}

// Rejects when the run is interrupted: nothing is started again then.
const lasting = (scene, fault) => wait(fault.lasts, undefined, { signal: scene.signal });

async function away(scene, fault, member, how) {
  fault.who = member.alias;
  await member[how]();
  await lasting(scene, fault);
  member.start();
}

async function weather(scene, fault, worsen) {
  const proxy = scene.proxies[fault.on];
  await worsen(proxy);
  await lasting(scene, fault);
  await proxy.heal();
}

const anyOf = (scene, fault) => {
  const members = scene.groups[fault.on];
  return members[Math.floor(fault.choice * members.length)];
};

/** The member that reads now; any one where Redis does not tell. */
async function readerOf(scene, fault) {
  const holder = await askRedis(scene.redis.url, (redis) => redis.get(leaseOf(scene.stream, fault.on))).catch(() => null);
  const reader = scene.groups[fault.on].find(({ alias }) => alias === holder) ?? anyOf(scene, fault);
  fault.who = reader.alias;
  return reader;
}

// While an fsync runs, Redis (everysec) keeps answered writes in its own memory for up to 2 s; a kill in that moment loses them, as the
// documentation says. That is no doing of ours, so it is killed when the kernel has what was answered: writes are held for a moment.
async function killRedis(scene) {
  await insistRedis(
    scene.redis.url,
    async (redis) => {
      await redis.call('CLIENT', 'PAUSE', 2000, 'WRITE');
      const facts = await redis.info('persistence');
      if (!/aof_buffer_length:0\r/.test(facts)) throw new Error('not written yet');
    },
    scene.signal,
  );
  await scene.redis.kill();
}
