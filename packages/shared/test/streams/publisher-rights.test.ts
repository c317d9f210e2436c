import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { EventDraft } from '../../src/events/index.js';
import { eventually, type FaultProxy, faultProxy, type OwnRedis, ownRedis } from '../../src/testing/index.js';
import { alert, type Publishing, publishing } from './publishing.js';

let redis: OwnRedis;
let proxy: FaultProxy;
let direct: Redis;
let secrets: string;
let here: Publishing | undefined;

beforeEach(async () => {
  redis = await ownRedis({ durable: false });
  proxy = await faultProxy({ port: redis.port });
  direct = new Redis(redis.url);
  secrets = await mkdtemp(join(tmpdir(), 'ops-test-secrets-'));
  await promisify(execFile)(fileURLToPath(new URL('../../../../docker/make-secrets.sh', import.meta.url)), [secrets]);
  for (const line of (await readFile(join(secrets, 'redis-users'), 'utf8')).trim().split('\n')) {
    // A selector in brackets is one word.
    const [, name = '', ...rules] = line.match(/\([^)]*\)|\S+/g) ?? [];
    if (name !== 'default') await direct.acl('SETUSER', name, ...rules);
  }
});

afterEach(async () => {
  await here?.close();
  here = undefined;
  direct.disconnect();
  await proxy.close();
  await redis.close();
  await rm(secrets, { recursive: true, force: true });
});

const notice: EventDraft = {
  type: 'notice.published',
  subject: 'maurice',
  data: { notice_id: 'n', audience: 'maurice', severity: 'info', text: 't', about: 'a', incident_id: null },
};

test.each([
  ['monitor', 'ops:alerts', alert('down'), notice],
  ['incident', 'ops:incidents', notice, alert('down')],
] as const)(
  'the user %s of the Compose file publishes to %s, also after a lost answer, and to nobody else',
  async (service, stream, own, foreign) => {
    const password = await readFile(join(secrets, `redis-password-${service}`), 'utf8');
    here = await publishing(`redis://${service}:${password}@127.0.0.1:${proxy.port}`, { origin: { service, host: 'h' } });
    const { publisher } = here;
    await publisher.publish([own]);
    const cut = proxy.cutNextReply();
    await publisher.publish([own]);
    await cut;
    await eventually(() => expect(publisher.waiting.entries).toBe(0));
    expect(await direct.xlen(stream)).toBe(2);
    await expect(publisher.publish([foreign])).rejects.toMatchObject({
      code: 'BUS_REFUSED',
      cause: { message: expect.stringMatching(/^NOPERM/) },
    });
  },
);
