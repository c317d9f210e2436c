import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generatedFiles } from '../../src/events/generate/files.js';

test.each(Object.entries(generatedFiles()))('docs/%s is what the catalog generates', (name, content) => {
  const stored = readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), 'utf8');
  expect(stored, 'run `npm run generate`').toBe(content);
});
