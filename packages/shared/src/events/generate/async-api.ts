import { catalog, EVENT_TYPES, type EventType } from '../catalog.js';
import { STREAM_NAMES } from '../keys.js';
import { dataSchema, envelopeJsonSchema } from './json-schemas.js';

/** docs/asyncapi.json: the AsyncAPI 3.0 document. The Redis binding has no fields: that these are streams is an extension. */
export function asyncApi(): string {
  const channelId = (stream: string) => stream.replaceAll(':', '-');
  const document = {
    asyncapi: '3.0.0',
    info: { title: 'Ops Automation', version: '1', description: 'Events on Redis Streams. Generated from the catalog.' },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(
      STREAM_NAMES.map((stream) => [
        channelId(stream),
        {
          address: stream,
          'x-redis': { kind: 'stream', field: 'event' },
          messages: Object.fromEntries(typesOf(stream).map((type) => [type, { $ref: `#/components/messages/${type}` }])),
        },
      ]),
    ),
    operations: Object.fromEntries(
      EVENT_TYPES.map((type) => {
        const entry = catalog[type];
        const channel = channelId(entry.stream);
        return [
          type,
          {
            action: entry.from.startsWith('outside') ? 'receive' : 'send',
            channel: { $ref: `#/channels/${channel}` },
            messages: [{ $ref: `#/channels/${channel}/messages/${type}` }],
          },
        ];
      }),
    ),
    components: {
      messages: Object.fromEntries(
        EVENT_TYPES.map((type) => [
          type,
          {
            name: type,
            summary: catalog[type].meaning,
            payload: {
              allOf: [
                { $ref: '#/components/schemas/envelope' },
                { properties: { type: { const: type }, data: dataSchema(type) } },
              ],
            },
          },
        ]),
      ),
      schemas: { envelope: envelopeJsonSchema() },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function typesOf(stream: string): readonly EventType[] {
  return EVENT_TYPES.filter((type) => catalog[type].stream === stream);
}
