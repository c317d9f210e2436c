import { asyncApi } from './async-api.js';
import { eventMap } from './event-map.js';
import { schemaFiles } from './json-schemas.js';

/** Everything that is generated from the catalog: path below docs/ → content. */
export function generatedFiles(): Readonly<Record<string, string>> {
  return {
    'event-map.md': eventMap(),
    'asyncapi.json': asyncApi(),
    ...Object.fromEntries(Object.entries(schemaFiles()).map(([name, content]) => [`schemas/${name}`, content])),
  };
}
