// The least that a change of level and its directives can cost: reads one stream as a group, and writes so many entries to another.
// `node directives-floor.mjs <Redis URL> <entries>`.
import { createRequire } from 'node:module';

const { Redis } = createRequire(new URL('../../packages/shared/package.json', import.meta.url))('ioredis');
const [url, entries] = process.argv.slice(2);
const reading = new Redis(url, { maxRetriesPerRequest: null });
const writing = new Redis(url, { enableAutoPipelining: true });
const words = 'x'.repeat(700);
await writing.xgroup('CREATE', 'bench:levels', 'floor', '$', 'MKSTREAM');
process.stdout.write('ready\n');
for (;;) {
  const answer = await reading.xreadgroup('GROUP', 'floor', 'one', 'COUNT', 10, 'BLOCK', 4000, 'STREAMS', 'bench:levels', '>');
  for (const [id, [, change]] of answer?.[0]?.[1] ?? []) {
    const writes = Array.from({ length: Number(entries) }, () =>
      writing.xadd('bench:directives', '*', 'change', change, 'event', words),
    );
    await Promise.all(writes);
    await writing.xack('bench:levels', 'floor', id);
  }
}
