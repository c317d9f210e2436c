// One process of the bus benchmark: a producer or a consumer, ours or bare. Told what to do on argv, tells on stdout, one JSON a line.
import { createRequire } from 'node:module';

const [role, kind, url, optionText] = process.argv.slice(2);
const options = JSON.parse(optionText ?? '{}');
const shared = createRequire(new URL('../../packages/shared/package.json', import.meta.url));
const { Redis } = shared('ioredis');
const { pino } = shared('pino');
const { Registry } = shared('prom-client');
const { createPublisher, EntryReader, openBlockingClient, openClient, StreamConsumer } = await import(
  '../../packages/shared/dist/streams/index.js'
);
const { createLogger, logFile } = await import('../../packages/shared/dist/runtime/index.js');

const STREAM = 'ops:alerts';
const PAD = 'x'.repeat(options.pad ?? 0);
const SUBJECTS = 100;
const say = (facts) => process.stdout.write(`${JSON.stringify(facts)}\n`);
const nowNs = () => Number(process.hrtime.bigint());

// About 495 bytes on the stream in both kinds.
const dataOf = (index) => ({
  service: `service-${index % SUBJECTS}`,
  status: 'down',
  metric: 'latency',
  threshold: 100,
  current_value: nowNs(),
  timestamp: '2026-11-25T10:00:00.000Z',
  summary: PAD,
});

async function bareProducer() {
  const client = new Redis(url, { enableAutoPipelining: true });
  let id = 0;
  return {
    publish: (index) => {
      id += 1;
      const event = {
        specversion: '1.0',
        id: `bare-${process.pid}-${id}`,
        source: '/ops/bench',
        type: 'alert.reported',
        subject: `service-${index % SUBJECTS}`,
        time: '2026-11-25T10:00:00.000Z',
        datacontenttype: 'application/json',
        dataschema: 'urn:ops:alert.reported:v1',
        correlationid: `bare-${process.pid}-${id}`,
        host: 'bench',
        data: dataOf(index),
      };
      return client.xadd(STREAM, 'MAXLEN', '~', 100_000, '*', 'event', JSON.stringify(event));
    },
    close: async () => client.disconnect(),
  };
}

async function ourProducer() {
  const client = openClient(url, 'bench-producer');
  await client.connect();
  const publisher = createPublisher({ client, origin: { service: 'bench', host: 'bench' }, now: () => Date.now() });
  return {
    publish: (index) =>
      publisher.publish([{ type: 'alert.reported', subject: `service-${index % SUBJECTS}`, data: dataOf(index) }]),
    close: async () => {
      await publisher.close();
      client.disconnect();
    },
  };
}

async function bareConsumer(group, handle) {
  const client = new Redis(url);
  await client.xgroup('CREATE', STREAM, group, '0', 'MKSTREAM').catch(() => undefined);
  let stopped = false;
  const loop = (async () => {
    while (!stopped) {
      const reply = await client
        .xreadgroup('GROUP', group, 'c', 'COUNT', 100, 'BLOCK', 2000, 'STREAMS', STREAM, '>')
        .catch(() => null);
      const entries = reply?.[0]?.[1] ?? [];
      if (entries.length === 0) continue;
      for (const [, fields] of entries) handle(JSON.parse(fields[1]).data);
      await client.xack(STREAM, group, ...entries.map(([id]) => id));
    }
  })();
  return async () => {
    stopped = true;
    client.disconnect();
    await loop;
  };
}

const reader = new EntryReader();

async function ourConsumer(group, handle) {
  const client = openClient(url, 'bench-consumer');
  await client.connect();
  const blocking = openBlockingClient(url, 'bench-blocking');
  const log = options.log === undefined ? pino({ level: 'silent' }) : createLogger('info', logFile(options.log));
  const consumer = new StreamConsumer({
    client,
    blocking,
    publisher: createPublisher({ client, origin: { service: group, host: 'bench' }, now: () => Date.now() }),
    stream: STREAM,
    group,
    consumer: `bench-${process.pid}`,
    handlers: {
      'alert.reported': (event) => {
        handle(event.data);
        return [];
      },
    },
    concurrency: 256,
    leaseMs: 10_000,
    maxAttempts: 5,
    maxDeliveries: 5,
    backoffMs: 200,
    doneTtlMs: options.doneTtlMs ?? 8 * 86_400_000,
    log,
    now: () => Date.now(),
    metrics: new Registry(),
    reader,
  });
  await consumer.start();
  return async () => {
    await consumer.drain(1000);
    client.disconnect();
    blocking.disconnect();
  };
}

async function produce() {
  const producer = await (kind === 'bare' ? bareProducer() : ourProducer());
  // What is not told is not counted: the first events warm both sides up.
  const { count, rate, warm = 0, inFlight = 100 } = options;
  say({ ready: true });
  await new Promise((go) => process.stdin.once('data', go));
  let next = 0;
  const publishTo = async (last) => {
    const worker = async () => {
      while (next < last) await producer.publish(next++);
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  };
  await publishTo(warm);
  const started = performance.now();
  if (rate === undefined) await publishTo(count);
  else {
    const pending = [];
    while (next < count) {
      const due = Math.min(count, warm + Math.floor(((performance.now() - started) * rate) / 1000));
      while (next < due) pending.push(producer.publish(next++));
      await new Promise((tick) => setTimeout(tick, 1));
    }
    await Promise.all(pending);
  }
  say({ publishedMs: performance.now() - started, memory: process.memoryUsage(), cpu: process.cpuUsage() });
  await producer.close();
}

async function consume() {
  const { count, groups = 1, skip = 0, warm = 0, memoryEvery } = options;
  let warmNs;
  const latencies = [];
  let handled = 0;
  let reached;
  const all = new Promise((resolve) => {
    reached = resolve;
  });
  const memory = [];
  const handle = (data) => {
    handled += 1;
    if (handled > skip && options.latency) latencies.push((nowNs() - data.current_value) / 1e6);
    if (memoryEvery !== undefined && handled % memoryEvery === 0) {
      globalThis.gc?.();
      memory.push({ handled, rss: process.memoryUsage.rss(), heap: process.memoryUsage().heapUsed });
    }
    if (handled === warm * groups) warmNs = nowNs();
    if (handled === count * groups) reached();
  };
  const start = kind === 'bare' ? bareConsumer : ourConsumer;
  const closes = [];
  for (let group = 0; group < groups; group++) closes.push(await start(`bench-${group}`, handle));
  say({ ready: true });
  // What a start leaves to be done is not what idling costs: some 9 s after it V8 compacts the heap, once (30 to 90 ms).
  if (options.idleMs !== undefined) await new Promise((resolve) => setTimeout(resolve, 12_000));
  const cpu = process.cpuUsage();
  const begun = performance.now();
  if (options.idleMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.idleMs));
  else await all;
  const used = process.cpuUsage(cpu);
  const wall = performance.now() - begun;
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? null;
  say({
    doneNs: nowNs(),
    warmNs,
    wallMs: wall,
    handled,
    p50: at(0.5),
    p99: at(0.99),
    cpuShare: (used.user + used.system) / 1000 / wall,
    memory,
  });
  for (const close of closes) await close();
}

await (role === 'producer' ? produce() : consume());
process.exit(0);
