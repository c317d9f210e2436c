import { z } from 'zod';
import { catalog, EVENT_TYPES, type EventType } from '../catalog.js';
import { envelopeSchema, schemaName } from '../envelope.js';

type Json = Record<string, unknown>;

/** The JSON Schema (2020-12) of a type's `data`, as a producer may write it. */
export function dataSchema(type: EventType): Json {
  const { schema, version, meaning } = catalog[type];
  const { $schema: _draft, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Json;
  return { $id: schemaName(type, version), title: type, description: meaning, ...rest };
}

/** The JSON Schema of the envelope. */
export function envelopeJsonSchema(): Json {
  return z.toJSONSchema(envelopeSchema, { io: 'input' }) as Json;
}

/** File name → content, for docs/schemas/. */
export function schemaFiles(): Readonly<Record<string, string>> {
  const draft = { $schema: 'https://json-schema.org/draft/2020-12/schema' };
  const files: Record<string, string> = { 'envelope.json': text(envelopeJsonSchema()) };
  for (const type of EVENT_TYPES) files[`${type}.v${catalog[type].version}.json`] = text({ ...draft, ...dataSchema(type) });
  return files;
}

const text = (schema: Json) => `${JSON.stringify(schema, null, 2)}\n`;
