import { randomBytes } from 'node:crypto';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { STREAM_NAMES } from '@ops/shared/events';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BEHAVIOUR, TestImages, withoutEngine } from './engine.js';
import { Scene } from './scene.js';

const COUNT = 200;
// With whatever makes one form differ from another: quotes, spaces, signs, a dollar, letters beyond ASCII.
const SPICES = ['', "it's", '"quoted"', 'a b', 'a+b/c=', '$x', 'ä€', '\\n', '&x=1', '%41'];

interface Canary {
  readonly name: string;
  readonly value: string;
}

/** In how many ways a program may write a value. */
function forms({ value }: Canary): string[] {
  const base64 = Buffer.from(value).toString('base64');
  return [
    value,
    base64,
    Buffer.from(`user:${value}`).toString('base64'),
    Buffer.from(value).toString('base64url'),
    encodeURIComponent(value),
    new URLSearchParams({ v: value }).toString().slice(2),
    JSON.stringify(value).slice(1, -1),
    `'${value.replaceAll("'", "'\\''")}'`,
  ];
}

// Done when 7.
describe.skipIf(withoutEngine)('200 canary secrets', () => {
  const images = new TestImages();
  let scene: Scene;
  let good: string;
  beforeAll(async () => {
    good = await images.make('good', BEHAVIOUR.polite);
  });
  afterEach(() => scene?.close());
  afterAll(() => images.remove());

  const canaries: Canary[] = Array.from({ length: COUNT }, (_, at) => ({
    name: `VALUE_${at}`,
    value: `${randomBytes(9).toString('base64url')}${SPICES[at % SPICES.length]}${randomBytes(6).toString('hex')}`,
  }));

  test('in env files, secrets and logs, in every form and cut into pieces: none is in an event, a table, a log line or an answer', async () => {
    const fromFile = canaries.slice(0, 120);
    const fromEnv = canaries.slice(120, 180).map(({ name, value }) => ({ name, value: value.replaceAll("'", '') }));
    const secretFile = canaries[199] ?? canaries[0];
    const direct = canaries.slice(180, 199);
    const known = [
      ...fromFile.map(({ name, value }) => ({ name, value: value.replaceAll("'", '') })),
      ...fromEnv,
      ...direct,
      ...(secretFile ? [secretFile] : []),
    ];
    const services = (command: string) => ({
      web: {
        image: good,
        command: ['sh', '-c', command],
        stop_grace_period: '2s',
        env_file: ['app.env'],
        environment: {
          ...Object.fromEntries(fromEnv.map(({ name }) => [name, `\${${name}}`])),
          ...Object.fromEntries(direct.map(({ name, value }) => [name, value.replaceAll('$', '$$$$')])),
        },
        secrets: ['one'],
        volumes: ['./said.txt:/said.txt:ro'],
      },
    });
    const more = { secrets: { one: { file: './one.secret' } } };
    scene = await Scene.open({
      services: services('true'),
      more: {
        web: {
          deploy: {
            hooks: { pre_deploy: { command: ['./hook'], within: '20s' }, pre_rollback: { command: ['./hook'], within: '20s' } },
          },
        },
      },
    });
    await scene.file('app.env', fromFile.map(({ name, value }) => `${name}='${value.replaceAll("'", '')}'\n`).join(''));
    await scene.file('.env', fromEnv.map(({ name, value }) => `${name}='${value}'\n`).join(''));
    await scene.file('one.secret', secretFile?.value ?? '');
    const lines = known.flatMap(forms);
    await scene.file('said.txt', `${lines.join('\n')}\n`);
    // Byte by byte in places: no piece of the stream holds a whole one.
    await scene.file(
      'hook',
      `#!/bin/sh\ncat said.txt\nwhile IFS= read -r line; do printf %s "$line" | cut -c1-7; printf '\\n'; done < said.txt | head -5\ndd if=said.txt bs=7 2>/dev/null\nexit 0\n`,
    );
    await chmod(join(scene.folder, 'hook'), 0o755);
    await scene.compose(
      services('tail -n 12 /said.txt; for i in 1 2 3; do dd if=/said.txt bs=5 count=400 2>/dev/null; done; exit 3'),
      more,
    );
    const failed = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(failed.type, failed.why.slice(0, 500)).toBe('deploy.rolled-back');
    // Compose complains, and shows what it cannot use.
    await scene.compose({ web: { image: good, ports: fromEnv.slice(0, 3).map(({ name }) => `\${${name}}:80`) } });
    const invalid = await scene.deploy({ kind: 'compose', service: 'web' });
    expect(invalid.type, invalid.why.slice(0, 500)).toBe('deploy.blocked');

    const places: Record<string, string> = { log: scene.host.log.join('\n'), console: scene.host.announced.join('\n') };
    for (const stream of STREAM_NAMES) places[stream] = JSON.stringify(await scene.host.redis.xrange(stream, '-', '+'));
    for (const ended of [failed, invalid]) {
      const { body } = await scene.call('GET', `/deployments/${String(ended.data.deployment_id)}`);
      places[`answer ${ended.type}`] = JSON.stringify(body);
    }
    places.list = JSON.stringify((await scene.call('GET', '/deployments')).body);
    places.metrics = await (await fetch(`${scene.host.hosted.address}/metrics`)).text();
    const client = new pg.Client(scene.host.databaseUrl);
    await client.connect();
    for (const table of ['deployment', 'deployment_step', 'deployment_event', 'deployment_record', 'release'])
      places[table] = JSON.stringify((await client.query(`select * from deployer.${table}`)).rows);
    await client.end();

    expect(places.deployment_record).toContain('[redacted]');
    const leaks = Object.entries(places).flatMap(([place, text]) =>
      known.flatMap((canary) => {
        // As the text would hold it: these places are JSON, some of them twice.
        const found = forms(canary).find((form) => {
          const json = JSON.stringify(form).slice(1, -1);
          return [form, json, JSON.stringify(json).slice(1, -1)].some((one) => text.includes(one));
        });
        return found === undefined ? [] : [`${place}: ${canary.name}: ${found}`];
      }),
    );
    expect(leaks).toEqual([]);
  }, 60_000);
});
