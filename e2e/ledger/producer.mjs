// A producer of the ledger test: publishes numbered events of its subjects, and writes down what was accepted.
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createPublisher, openClient, openSpool } from '@ops/shared/streams';
import { openAccount, readAccount } from './account.mjs';
import { beginChild, tell } from './child.mjs';
import { purposeOf, subjectsOf } from './subjects.mjs';

const TICK_MS = 40;
const MOST_IN_FLIGHT = 4;

const { options, log } = beginChild();
const { name, url, folder, perSecond } = options;
const client = openClient(url, name);
await client.connect().catch(() => undefined);
const spool = await openSpool(join(folder, 'spool'), { maxBytes: 200_000_000, log });
const origin = { service: `ledger-${name}`, host: hostname() };
const publisher = createPublisher({ client, origin, now: () => Date.now(), log, spool });

const account = await openAccount(folder);
const lines = new Map(subjectsOf(name).map((subject) => [subject, { next: 1, inFlight: 0, last: Promise.resolve() }]));
for (const [subject, seq] of readAccount(folder).accepted) lines.get(subject).next = seq + 1;

function publishOne(subject, line) {
  const seq = line.next;
  line.next += 1;
  line.inFlight += 1;
  account.call(subject, seq);
  const data = {
    service: subject,
    status: 'down',
    metric: 'seq',
    threshold: 0,
    current_value: seq,
    timestamp: new Date().toISOString(),
  };
  const published = publisher.publish([{ type: 'alert.reported', subject, data, purpose: purposeOf(subject, seq) }]);
  // Accepted in its order: what follows a refusal is not accepted, and comes again.
  line.last = Promise.all([line.last, published]).then(async () => {
    await account.accept(subject, seq);
    line.inFlight -= 1;
  });
  line.last.catch((error) => {
    tell({ problem: `publish was refused: ${error.code} ${error.message} ${JSON.stringify(error.fields)}` });
    setTimeout(() => process.exit(1), 50);
  });
}

let due = 0;
const ticker = setInterval(() => {
  due = Math.min(due + (perSecond * TICK_MS) / 1000, 10);
  const free = [...lines].filter(([, { inFlight }]) => inFlight < MOST_IN_FLIGHT);
  while (due >= 1 && free.length > 0) {
    due -= 1;
    // Several of one subject in one turn are one batch: their order must be kept, too.
    const [subject, line] = free[Math.floor(Math.random() * free.length)];
    if (line.inFlight < MOST_IN_FLIGHT) publishOne(subject, line);
  }
  tell({ figures: { spooled: publisher.waiting.entries } });
}, TICK_MS);

let finishing = false;
process.on('message', async (word) => {
  if (word !== 'finish' || finishing) return;
  finishing = true;
  clearInterval(ticker);
  await Promise.all([...lines.values()].map(({ last }) => last));
  while (publisher.waiting.entries > 0) await wait(50);
  await publisher.close();
  await spool.close();
  await account.close();
  client.disconnect();
  tell({ finished: true });
});
