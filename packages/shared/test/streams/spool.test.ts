import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSpool, type Spool, type SpoolEntry } from '../../src/streams/index.js';

let folder: string;
let logged: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ops-test-spool-'));
  logged = [];
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (options: { maxBytes?: number; segmentBytes?: number } = {}) =>
  openSpool(folder, { maxBytes: 1_000_000, log: pino({ level: 'warn' }, { write: (line) => logged.push(line) }), ...options });
const entry = (name: string): SpoolEntry => ({ stream: 'ops:alerts', text: JSON.stringify({ name }) });
const names = (entries: readonly SpoolEntry[]) => entries.map(({ text }) => (JSON.parse(text) as { name: string }).name);
const everything = async (spool: Spool) => {
  const found: string[] = [];
  while (spool.size.entries > 0) {
    const entries = await spool.peek(7);
    found.push(...names(entries));
    await spool.take(entries.length);
  }
  return found;
};
const segments = async () => (await readdir(folder)).filter((name) => name.endsWith('.log')).sort();

test('what goes in comes out, in order, also after it was closed at any point', async () => {
  const command = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('append' as const),
        texts: fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const), most: fc.integer({ min: 1, max: 8 }) }) },
    { weight: 1, arbitrary: fc.constant({ do: 'reopen' as const }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 40 }), async (commands) => {
      await rm(folder, { recursive: true, force: true });
      // So small that files are finished and removed all the time.
      let spool = await open({ segmentBytes: 300 });
      let model: string[] = [];
      for (const step of commands) {
        if (step.do === 'append') {
          // Side by side: they share a sync, and keep their order.
          await Promise.all(step.texts.map((text) => spool.append([entry(text)])));
          model.push(...step.texts);
        } else if (step.do === 'take') {
          const peeked = await spool.peek(step.most);
          expect(names(peeked)).toEqual(model.slice(0, peeked.length));
          expect(peeked.length > 0).toBe(model.length > 0);
          await spool.take(peeked.length);
          model = model.slice(peeked.length);
        } else {
          await spool.close();
          spool = await open({ segmentBytes: 300 });
        }
        expect(spool.size.entries).toBe(model.length);
        expect(spool.size.oldestAt === undefined).toBe(model.length === 0);
        expect(spool.size.bytes > 0).toBe(model.length > 0);
      }
      expect(await everything(spool)).toEqual(model);
      expect(spool.size).toEqual({ entries: 0, bytes: 0, oldestAt: undefined });
      expect(await segments()).toEqual([]);
      await spool.close();
    }),
    { numRuns: 60 },
  );
});

test('kill -9: everything that was acknowledged is there when it is opened again', async () => {
  const door = JSON.stringify(fileURLToPath(new URL('../../dist/streams/index.js', import.meta.url)));
  const script = `import { openSpool } from ${door};
    const spool = await openSpool(${JSON.stringify(folder)}, { maxBytes: 1e9, segmentBytes: 20000, log: console });
    const one = async (n) => { await spool.append([{ stream: 'ops:alerts', text: JSON.stringify({ name: String(n) }) }]); process.stdout.write(n + '\\n'); };
    let n = 0;
    for (let writer = 0; writer < 8; writer += 1) void (async () => { for (;;) await one(n++); })();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const acknowledged: string[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    acknowledged.push(line);
    if (acknowledged.length === 500) child.kill('SIGKILL');
  });
  await once(lines, 'close');
  const spool = await open();
  const kept = new Set(await everything(spool));
  expect(acknowledged.length).toBeGreaterThanOrEqual(500);
  expect(acknowledged.filter((name) => !kept.has(name))).toEqual([]);
  await spool.close();
});

test('an unfinished call at the end is cut off, whole; everything before is kept', async () => {
  const first = await open();
  await first.append([entry('a'), entry('b')]);
  await first.append([entry('c'), entry('d')]);
  await first.close();
  const [name = ''] = await segments();
  const path = join(folder, name);
  const text = await readFile(path, 'utf8');
  // The second line of the last call is gone, but for its beginning.
  await writeFile(path, text.slice(0, text.trimEnd().lastIndexOf('\n') + 9));
  const spool = await open();
  expect(await everything(spool)).toEqual(['a', 'b']);
  expect(logged.join('')).toContain('unfinished call');
  await spool.close();
});

test('a damaged line: the others are kept in order, the file is put aside, a person is told', async () => {
  const first = await open();
  for (const name of ['a', 'b', 'c', 'd']) await first.append([entry(name)]);
  await first.peek(1);
  await first.take(1);
  await first.close();
  const [name = ''] = await segments();
  const path = join(folder, name);
  const damaged = (await readFile(path, 'utf8')).replace('"c"', '"x"');
  await writeFile(path, damaged);
  const spool = await open();
  expect(await everything(spool)).toEqual(['b', 'd']);
  const aside = (await readdir(folder)).filter((file) => file.endsWith('.damaged'));
  expect(aside).toHaveLength(1);
  expect(await readFile(join(folder, aside[0] ?? ''), 'utf8')).toBe(damaged);
  expect(logged.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ level: 50, damaged: 1 }));
  await spool.close();
});

test('past its bound it refuses a call whole, says why, and takes more when something is taken', async () => {
  const spool = await open({ maxBytes: 1000 });
  let accepted = 0;
  const refusal = await (async () => {
    for (;;) {
      const error = await spool.append([entry(`${accepted}`), entry('second')]).then(
        () => undefined,
        (cause: unknown) => cause,
      );
      if (error !== undefined) return error;
      accepted += 1;
    }
  })();
  expect(refusal).toMatchObject({
    code: 'SPOOL_FULL',
    retryable: true,
    fields: { folder, maxBytes: 1000, bytes: spool.size.bytes },
  });
  expect(spool.size.entries).toBe(accepted * 2);
  await spool.peek(2);
  await spool.take(2);
  await spool.append([entry('again')]);
  expect((await everything(spool)).at(-1)).toBe('again');
  await spool.close();
});

test('a disk that refuses: SPOOL_FAILED with the reason, and it goes on when the disk does', async () => {
  const spool = await open();
  await spool.append([entry('a')]);
  // Whoever is root may write anywhere: only a folder that is gone stops everybody.
  await spool.peek(1);
  await rm(folder, { recursive: true });
  await spool.take(1);
  await expect(spool.append([entry('b')])).rejects.toMatchObject({ code: 'SPOOL_FAILED', fields: { reason: 'ENOENT' } });
  expect(spool.size.entries).toBe(0);
  const again = await open();
  await spool.append([entry('c')]);
  expect(await everything(spool)).toEqual(['c']);
  await again.close();
  await spool.close();
});

test('a lost position gives everything again, and says that it must be compared', async () => {
  const first = await open();
  await first.append([entry('a'), entry('b')]);
  await first.mark({ 'ops:alerts': '5-0' });
  await first.peek(1);
  await first.take(1);
  await first.close();
  const kept = await open();
  expect([kept.marks, kept.marksLost, kept.size.entries]).toEqual([{ 'ops:alerts': '5-0' }, false, 1]);
  await kept.close();
  await writeFile(join(folder, 'position.json'), '{"writer"');
  const spool = await open();
  expect(spool.marksLost).toBe(true);
  expect(await everything(spool)).toEqual(['a', 'b']);
  await spool.close();
});

test('only its owner reads it, and only one process has it', async () => {
  const spool = await open();
  await spool.append([entry('a')]);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
  for (const name of [...(await segments()), 'position.json']) expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600);
  await expect(open()).rejects.toMatchObject({ code: 'SPOOL_IN_USE', fields: { pid: process.pid } });
  await spool.close();
  await (await open()).close();
});

test('rubbish behind the last line, without an end, is cut off', async () => {
  const first = await open();
  await first.append([entry('a')]);
  await first.close();
  const [name = ''] = await segments();
  await chmod(join(folder, name), 0o600);
  await appendFile(join(folder, name), Buffer.alloc(100));
  const spool = await open();
  expect(await everything(spool)).toEqual(['a']);
  await spool.close();
});
