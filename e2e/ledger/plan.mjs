import { between, oneOf, randomOf, shuffled } from './random.mjs';

const PRODUCERS = ['p1', 'p2', 'p3'];
const GROUPS = ['ledger-a', 'ledger-b'];
const SIDES = ['producers', 'consumers'];
const REDIS = ['redis'];
const CALM_MS = [2000, 6000];

/** Every kind of fault: what it strikes (one fault at a time there, any number elsewhere), and for how long (ms). */
function kinds(leaseMs) {
  const asleep = [1.2 * leaseMs, 2.5 * leaseMs];
  return {
    'producer killed': { on: PRODUCERS, lasts: [200, 2000] },
    'producer frozen': { on: PRODUCERS, lasts: [500, 6000] },
    'reader killed': { on: GROUPS, lasts: [200, 3000] },
    'consumer killed': { on: GROUPS, lasts: [200, 3000] },
    'consumer stopped in order': { on: GROUPS, lasts: [200, 1000] },
    'reader frozen past its lease': { on: GROUPS, lasts: asleep },
    'Redis killed': { on: REDIS, lasts: [100, 2500] },
    'Redis restarted in order': { on: REDIS, lasts: [100, 1500] },
    'Redis frozen': { on: REDIS, lasts: [500, 8000] },
    'Redis full': { on: REDIS, lasts: [1000, 5000] },
    'connections reset': { on: SIDES, lasts: [0, 0] },
    'black hole': { on: SIDES, lasts: [1000, 12_000] },
    'connections half-open for ever': { on: SIDES, lasts: [0, 0] },
    'connections held up, new ones work': { on: SIDES, lasts: [2000, 13_000] },
    'replies cut': { on: SIDES, lasts: [500, 3000] },
    'connections refused': { on: SIDES, lasts: [500, 3000] },
    latency: { on: SIDES, lasts: [2000, 5000], extent: [20, 300] },
  };
}

/**
 * The faults of a run, as its seed determines them: each kind once in random order, a calm, and so on. They overlap wherever they do
 * not strike the same thing.
 */
export function planFaults({ seed, seconds, leaseMs }) {
  const random = randomOf(seed);
  const all = kinds(leaseMs);
  const end = seconds * 1000;
  const freeAt = new Map();
  const plan = [];
  for (let at = 2000, round = 0; at < end; round += 1) {
    for (const kind of shuffled(random, Object.keys(all))) {
      const { on, lasts, extent } = all[kind];
      const fault = { kind, on: oneOf(random, on), lasts: between(random, lasts), choice: random() };
      if (extent !== undefined) fault.extent = between(random, extent);
      fault.at = Math.max(at, freeAt.get(fault.on) ?? 0);
      // Now and then several strike at once.
      at += random() < 0.3 ? 0 : between(random, [300, 3000]);
      // The first round is whole, however short the run.
      if (round > 0 && fault.at + fault.lasts > end) continue;
      freeAt.set(fault.on, fault.at + fault.lasts + 300);
      plan.push(fault);
    }
    at += between(random, CALM_MS);
  }
  return plan.sort((a, b) => a.at - b.at);
}
