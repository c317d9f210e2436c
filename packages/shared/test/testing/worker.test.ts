import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { identify } from '../../src/embedded/process-identity.js';
import { eventually } from '../../src/testing/index.js';

it('takes its servers and their data with it when a worker is killed', async () => {
  const at = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../dist/testing/${path}`, import.meta.url)));
  const script = `import { testPostgres, testRedis } from ${at('index.js')};
    import { testServerPids } from ${at('test-servers.js')};
    await (await testRedis()).fresh();
    await (await testPostgres()).fresh();
    console.log(JSON.stringify([...testServerPids()]));
    setInterval(() => {}, 1000);`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: worker.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const pids = JSON.parse(line) as number[];
  expect(pids.map((pid) => identify(pid) !== undefined)).toEqual([true, true]);
  worker.kill('SIGKILL');
  await eventually(() => expect(pids.map((pid) => identify(pid))).toEqual([undefined, undefined]));
});
