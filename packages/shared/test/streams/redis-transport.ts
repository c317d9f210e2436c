import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { ContractHandler, Delivered, Faults, JoinOptions, Letter, Transport } from '../../src/contract/index.js';
import type { EventDraft, OpsEvent } from '../../src/events/index.js';
import { deferring, onDeliverAgain, openQueues, type Queues } from '../../src/queues/index.js';
import {
  createPublisher,
  DeferError,
  EntryReader,
  groupLags,
  type Handlers,
  listDeadLetters,
  openBlockingClient,
  openClient,
  PermanentError,
  type Publisher,
  type RedisClient,
  replayInto,
  retryDeadLetter,
  StreamConsumer,
} from '../../src/streams/index.js';

const STREAM = 'ops:alerts';
const OUTPUTS = 'ops:incidents';
const GROUP = 'tested';
const NO_TEXT = 'none';
const log = pino({ level: 'silent' });
const now = () => Date.now();
const never = new Promise<never>(() => undefined);

interface Wiring {
  /** Where publishers and members connect: perhaps a proxy. */
  readonly url: string;
  /** Where the test looks from. */
  readonly direct: string;
  readonly faults: Faults;
  readonly onClose?: () => Promise<void>;
}

const keyOf = ({ source, id }: Pick<OpsEvent, 'source' | 'id'>) => `${source}/${id}`;
const eventOf = (fields: readonly string[]) => JSON.parse(fields[1] ?? '') as OpsEvent;

const reported = (subject: string, status: string): EventDraft => ({
  type: 'alert.reported',
  subject,
  data: { service: subject, status, metric: 'm', threshold: 1, current_value: 2, timestamp: '2026-11-23T10:00:00Z' },
});

const notice = (subject: string): EventDraft => ({
  type: 'notice.published',
  subject,
  data: { notice_id: 'n', audience: 'maurice', severity: 'info', text: 't', about: 'a', incident_id: null },
});

const delivered = (event: OpsEvent<'alert.reported'>): Delivered => ({
  key: keyOf(event),
  subject: event.subject,
  text: event.data.status === NO_TEXT ? '' : event.data.status,
});

let members = 0;

/** The bus of this project as the contract wants it. */
export async function redisTransport({ url, direct, faults, onClose }: Wiring): Promise<Transport> {
  const look = openClient(direct, 'test-look');
  const client = openClient(url, 'test-publish');
  await Promise.all([look.connect(), client.connect()]);
  const publisher = createPublisher({ client, origin: { service: 'test', host: 'h' }, now });
  const ending: (() => Promise<void>)[] = [];
  const queues = new Map<string, Queues>();
  const queueOf = (group: string, outputs: Publisher) => {
    const open = queues.get(group) ?? openQueues(direct, group, outputs, log, new Registry());
    if (!queues.has(group)) open.work([onDeliverAgain(look)]);
    queues.set(group, open);
    return open;
  };
  const lagOf = async (group: string) => (await groupLags(look, STREAM)).find((one) => one.group === group);

  return {
    async publish(subject, text = NO_TEXT) {
      const [event] = await publisher.publish([reported(subject, text)]);
      return event === undefined ? '' : keyOf(event);
    },
    async write(fields) {
      await look.call('XADD', [STREAM, '*', ...fields]);
    },
    async repeatLast() {
      const [last] = await look.xrevrange(STREAM, '+', '-', 'COUNT', 1);
      await look.xadd(STREAM, '*', ...(last?.[1] ?? []));
    },
    async publishOther() {
      const data = { fingerprint: 'f'.repeat(16), service: 's', metric: 'm', by: 'b', reason: 'r', firing: false };
      await publisher.publish([{ type: 'alert.unsilenced', subject: 's', data }]);
    },
    async join(handler, options) {
      const member = openMember(url, handler, options, (group) => deferring(queueOf(group, publisher), STREAM, group));
      ending.push(member.leave);
      await member.start();
      return member;
    },
    pending: async (group = GROUP) => (await lagOf(group))?.pending ?? Number.POSITIVE_INFINITY,
    unread: async (group = GROUP) => (await lagOf(group))?.lag ?? Number.POSITIVE_INFINITY,
    outputs: async () =>
      (await look.xrange(OUTPUTS, '-', '+')).map(([, fields]) => {
        const { id, subject, causationid = '' } = eventOf(fields);
        return { id, subject, cause: causationid };
      }),
    deadLetters: async () => (await listDeadLetters(look, STREAM)).map((letter): Letter => ({ ...letter, id: letter.deadId })),
    async retry({ id }) {
      await retryDeadLetter(look, STREAM, id);
    },
    async replay(group, subject) {
      const wanted = { from: '-', to: '+', wanted: (one: { ok: boolean }) => isAbout(one, subject) };
      await replayInto(look, STREAM, group, wanted);
    },
    errors: {
      never: () => new PermanentError('NEVER', 'of no use'),
      away: () => Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }),
      later: (delayMs) => new DeferError(delayMs, 'not now'),
    },
    faults,
    async close() {
      await Promise.all(ending.splice(0).map((end) => end()));
      await Promise.all([...queues.values()].map((queue) => queue.close()));
      await publisher.close();
      for (const one of [client, look]) one.disconnect();
      await onClose?.();
    },
  };
}

const isAbout = (decoded: { readonly ok: boolean; readonly event?: OpsEvent }, subject: string) =>
  decoded.event?.subject === subject;

function openMember(
  url: string,
  handler: ContractHandler,
  { group = GROUP, silenceMs = 1500, concurrency = 8, diesBeforeAcknowledging = false }: JoinOptions = {},
  deferringFor: (group: string) => ReturnType<typeof deferring>,
) {
  const client = openClient(url, 'test-member');
  const blocking = openBlockingClient(url, 'test-member-blocking');
  const outputs = createPublisher({ client, origin: { service: group, host: 'h' }, now });
  let dead = false;
  const crash = () => {
    dead = true;
    disconnect(client, blocking);
  };
  const publish: Publisher['publish'] = async (drafts, cause) => {
    const events = await outputs.publish(drafts, cause);
    if (diesBeforeAcknowledging) crash();
    return dead ? never : events;
  };
  const handlers: Handlers = {
    // The code of a process that is killed does not go on.
    'alert.reported': async (event) => {
      if (dead) return never;
      const answer = await handler(delivered(event));
      return dead ? never : (answer?.outputs ?? []).map(notice);
    },
  };
  members += 1;
  const consumer = new StreamConsumer({
    client,
    blocking,
    publisher: { ...outputs, publish },
    stream: STREAM,
    group,
    consumer: `member-${members}`,
    handlers,
    concurrency,
    leaseMs: silenceMs,
    maxAttempts: 3,
    maxDeliveries: 3,
    backoffMs: 20,
    doneTtlMs: 3_600_000,
    defer: (event, delayMs, entry) => deferringFor(group)(event, delayMs, entry),
    log,
    now,
    metrics: new Registry(),
    reader: new EntryReader(),
  });
  let ended: Promise<void> | undefined;
  const end = async () => {
    await consumer.drain(dead ? 0 : 5000);
    await outputs.close();
    disconnect(client, blocking);
  };
  return {
    start: () => consumer.start(),
    crash,
    leave: () => {
      ended ??= end();
      return ended;
    },
  };
}

function disconnect(...clients: readonly RedisClient[]): void {
  for (const client of clients) client.disconnect();
}
