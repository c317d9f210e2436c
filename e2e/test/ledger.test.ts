import { fork } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

// The long form is a command of its own: `pnpm ledger`.
test('ledger: 60 s of faults: every accepted event had its effect exactly once, in order per subject, none lost', async () => {
  const main = fileURLToPath(new URL('../ledger/main.mjs', import.meta.url));
  const child = fork(main, ['--seconds', '60'], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const said = Promise.all([child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))));
  try {
    const code = await ended;
    expect(code, (await said).join('\n')).toBe(0);
  } finally {
    if (child.connected) child.disconnect();
  }
}, 900_000);
