import { expect, test } from 'vitest';
import { eventually, testRedis } from '../../src/testing/index.js';
import { testBus } from './bus.js';

test('many entries that wait for a server that is away are no reason for a warning of Node', async () => {
  const warnings: Error[] = [];
  const note = (warning: Error) => warnings.push(warning);
  process.on('warning', note);
  const bus = await testBus((await (await testRedis()).fresh()).url);
  let away = true;
  const tried = new Set<string>();
  const handled: string[] = [];
  await bus.join(
    {
      'alert.reported': ({ subject }) => {
        tried.add(subject);
        if (away) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
        handled.push(subject);
        return [];
      },
    },
    { concurrency: 16 },
  );
  for (let index = 0; index < 16; index++) await bus.report(`s${index}`);
  await eventually(() => expect(tried.size).toBe(16));
  away = false;
  await eventually(() => expect(handled).toHaveLength(16));
  await bus.close();
  process.off('warning', note);
  expect(warnings).toEqual([]);
});
