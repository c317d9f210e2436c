import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from './files.js';

const docs = fileURLToPath(new URL('../../../../../docs/', import.meta.url));

rmSync(join(docs, 'schemas'), { recursive: true, force: true });
for (const [name, content] of Object.entries(generatedFiles())) {
  const file = join(docs, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}
