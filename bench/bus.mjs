// The bus against a bare ioredis loop in the same run: throughput, latency at a rate, fan-out, memory, idle cost.
// `pnpm bench bus`; `--quick` is a short look, `--only throughput,latency` a part, `--write` stores the table in docs/bench-bus.md.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { ownRedis } from '../packages/shared/dist/testing/index.js';

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    only: { type: 'string', default: 'throughput,latency,fanout,memory,idle' },
  },
});
const only = new Set(given.only.split(','));
const REPEATS = given.quick ? 3 : 5;
const COUNT = given.quick ? 40_000 : 120_000;
const LATENCY_COUNT = given.quick ? 5_000 : 12_000;
// The first events warm both kinds up: what is compared is how they run, not how they start.
const WARM = 20_000;
const PAD = { bare: 121, ours: 83 };
const role = new URL('./bus/role.mjs', import.meta.url).pathname;

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const spread = (values) => `${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)}`;

/** Starts a process of the benchmark; `next` is its next line. */
function start(name, kind, url, options, flags = []) {
  const args = [...flags, role, name, kind, url, JSON.stringify({ pad: PAD[kind], ...options })];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    next: async () => {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${name} ${kind} ended early`);
      return JSON.parse(value);
    },
    ended: new Promise((resolve) => child.once('exit', resolve)),
  };
}

/** One run on an empty Redis with its append-only file on: producer and consumer are processes of their own. */
async function once(kind, { producer = {}, consumer = {}, flags } = {}) {
  const redis = await ownRedis();
  try {
    const reader = start('consumer', kind, redis.url, consumer, flags);
    await reader.next();
    const writer = start('producer', kind, redis.url, producer);
    await writer.next();
    writer.child.stdin.write('go\n');
    const [read, written] = await Promise.all([reader.next(), writer.next()]);
    await Promise.all([reader.ended, writer.ended]);
    return { ...read, ms: (read.doneNs - read.warmNs) / 1e6, written };
  } finally {
    await redis.close();
  }
}

/** Bare and ours in turn, the order changing, so that a slow moment of the machine meets both. */
async function pairs(repeats, options) {
  const runs = [];
  for (let index = 0; index < repeats; index++) {
    const run = {};
    for (const kind of index % 2 === 0 ? ['bare', 'ours'] : ['ours', 'bare']) run[kind] = await once(kind, options);
    runs.push(run);
  }
  return runs;
}

const rows = [];
function row(what, bare, ours, ratio, bar, range) {
  const met = ratio === null ? '' : bar.meets(ratio) ? 'met' : 'missed';
  rows.push([what, bare, ours, ratio === null ? '' : ratio.toFixed(2), range ?? '', bar.text, met]);
  console.log(rows.at(-1).join('  '));
}
const atLeast = (least) => ({ text: `≥ ${least}`, meets: (ratio) => ratio >= least });
const atMost = (most) => ({ text: `≤ ${most}`, meets: (ratio) => ratio <= most });

async function throughput(name, bar, groups) {
  const count = Math.floor(COUNT / (groups > 1 ? 2 : 1));
  const all = count + WARM;
  const runs = await pairs(REPEATS, { producer: { count: all }, consumer: { count: all, warm: WARM, groups } });
  const rate = (kind) => median(runs.map((run) => (count * groups * 1000) / run[kind].ms));
  const ratios = runs.map(({ bare, ours }) => bare.ms / ours.ms);
  const unit = groups > 1 ? 'deliveries/s' : 'events/s';
  row(name, `${Math.round(rate('bare'))} ${unit}`, `${Math.round(rate('ours'))} ${unit}`, median(ratios), bar, spread(ratios));
}

// A tenth of a millisecond is as much as the machine's own moods: more runs than of the others.
const LATENCY_REPEATS = given.quick ? 3 : 9;

async function latency() {
  const count = WARM + LATENCY_COUNT;
  // The first second at the rate still has what the warm-up left in the queues.
  const consumer = { count, warm: WARM, skip: WARM + 1000, latency: true };
  const options = { producer: { count, warm: WARM, rate: 1000 }, consumer };
  const runs = await pairs(LATENCY_REPEATS, options);
  for (const [name, bar] of [
    ['p50', atMost(1.5)],
    ['p99', atMost(2)],
  ]) {
    const of = (kind) => `${median(runs.map((run) => run[kind][name])).toFixed(2)} ms`;
    const ratios = runs.map(({ bare, ours }) => ours[name] / bare[name]);
    row(`latency at 1,000 events/s, ${name}`, of('bare'), of('ours'), median(ratios), bar, spread(ratios));
  }
}

async function memory() {
  const count = given.quick ? 200_000 : 1_000_000;
  const { memory: points, written } = await once('ours', {
    producer: { count },
    consumer: { count, memoryEvery: count / 10 },
    flags: ['--expose-gc'],
  });
  const mb = (bytes) => `${(bytes / 1e6).toFixed(0)} MB`;
  const [, second] = points;
  const last = points.at(-1);
  row(
    `consumer's heap after ${count} events, against after ${second.handled}`,
    mb(second.heap),
    mb(last.heap),
    last.heap / second.heap,
    atMost(1.1),
    `RSS ${mb(second.rss)} → ${mb(last.rss)}; producer RSS ${mb(written.memory.rss)}`,
  );
}

async function idle() {
  const shares = [];
  for (let index = 0; index < 3; index++) {
    const redis = await ownRedis();
    const reader = start('consumer', 'ours', redis.url, { count: 1, idleMs: given.quick ? 10_000 : 60_000 });
    await reader.next();
    shares.push((await reader.next()).cpuShare * 100);
    await reader.ended;
    await redis.close();
  }
  const share = median(shares);
  row(
    'idle consumer, % of a core',
    '',
    `${share.toFixed(2)} %`,
    share,
    { text: '≤ 0.3 %', meets: (value) => value <= 0.3 },
    spread(shares),
  );
}

if (only.has('throughput')) await throughput('throughput, 1 group', atLeast(0.6), 1);
if (only.has('latency')) await latency();
if (only.has('fanout')) await throughput('fan-out to 5 groups', atLeast(0.6), 5);
if (only.has('memory')) await memory();
if (only.has('idle')) await idle();

const head = ['what', 'bare ioredis loop', 'ours', 'ratio', 'range', 'bar', ''];
const table = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
console.log(`\n${table}`);
if (given.write) {
  const text = `# The bus against a bare loop

\`pnpm bench bus --write\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}.
Producer, consumer and Redis (append-only file on, every second) are processes of their own; events of about 495 bytes; medians of ${REPEATS} (latency: ${LATENCY_REPEATS})
runs, in turn with the bare loop: auto-pipelined XADD with 100 in flight, XREADGROUP COUNT 100, JSON.parse, one XACK a batch; no
validation, no redaction, no idempotency, no dead letters, no order over a crash. Throughput is that after ${WARM} events; latency is
from before the publish to the handler. Ours writes no log here; with its record of each event the reader needs some 10 us more.

${table}
`;
  writeFileSync(new URL('../docs/bench-bus.md', import.meta.url), text);
}
