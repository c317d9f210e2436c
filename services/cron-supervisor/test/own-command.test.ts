import { identify } from '@ops/shared/embedded';
import { eventually } from '@ops/shared/testing';
import { afterEach, expect, test } from 'vitest';
import { OwnCommand } from '../src/sources/heartbeat/own-command.js';
import { processLives } from '../src/sources/heartbeat/pinged-source.js';

const started: OwnCommand[] = [];
afterEach(() => {
  for (const command of started.splice(0)) {
    command.signal('SIGKILL');
    command.release();
  }
});

function begin(script: string): OwnCommand {
  const command = OwnCommand.start('job', ['sh', '-c', script], undefined);
  if (command instanceof Error) throw command;
  started.push(command);
  return command;
}

/** The pid that a command has written first. */
const leftBehind = (command: OwnCommand) =>
  eventually(async () => {
    const pid = Number((await command.evidence()).log[0]);
    expect(pid).toBeGreaterThan(0);
    return pid;
  });

test('what a command leaves behind does not keep it from ending, and can still be ended itself', async () => {
  const begun = performance.now();
  const command = begin('sleep 30 & echo $!; exit 3');
  const pid = await leftBehind(command);
  expect(await command.ended).toMatchObject({ exit_code: 3, error: 'exit code 3', output: `${pid}\n` });
  expect(performance.now() - begun).toBeLessThan(8000);
  expect(identify(pid)).toBeDefined();
  command.signal('SIGTERM');
  await eventually(() => expect(identify(pid)).toBeUndefined());
});

test('a signal after the command itself has ended reaches what holds its output, which then is not waited for', async () => {
  const command = begin('sleep 30 & echo $!; exit 0');
  const pid = await leftBehind(command);
  await eventually(() => expect(processLives(command.ref)).toBe(false));
  command.signal('SIGTERM');
  await eventually(() => expect(identify(pid)).toBeUndefined());
  expect(await command.ended).toMatchObject({ word: 'ok', exit_code: 0 });
});

test('a command that has ended is told at once, with the time of its end', async () => {
  const command = begin('echo done');
  const report = await command.ended;
  expect(report).toMatchObject({ word: 'ok', output: 'done\n' });
  expect((report?.ended_at ?? 0) - command.run.started_at).toBeLessThan(1900);
  // Nobody is there any more: this reaches nobody, and nobody else.
  expect(() => command.signal('SIGTERM')).not.toThrow();
});

test('characters are whole, wherever their bytes were parted, and where the kept output begins', async () => {
  const parted = begin(`printf '\\346\\261'; sleep 0.2; printf x >&2; sleep 0.2; printf '\\211\\n'`);
  expect(await parted.ended).toMatchObject({ output: expect.stringContaining('汉\n') });
  const long = begin(`printf x; yes 😀 | tr -d '\\n' | head -c 200000; printf xyz`);
  const kept = (await long.ended)?.output ?? '';
  expect(kept.endsWith('😀xyz')).toBe(true);
  expect(Buffer.from(kept).toString()).toBe(kept);
  const unfinished = begin(`printf 'a\\346\\261'`);
  expect(await unfinished.ended).toMatchObject({ output: 'a\uFFFD' });
});
