import { catalog, EVENT_TYPES } from '../catalog.js';
import { keys, STREAM_NAMES } from '../keys.js';

/** docs/event-map.md: every stream, its events, who writes and who reads them. */
export function eventMap(): string {
  const parts = [
    '# Event map',
    '',
    '<!-- Generated from the catalog by `npm run generate`: do not edit. -->',
    '',
    'One entry of a stream is one event: a CloudEvents 1.0 envelope as JSON in the field `event`, or the flat fields `type` and `data`',
    '(docs/events.md shows both). `source` + `id` is the idempotency key.',
  ];
  for (const stream of STREAM_NAMES) {
    parts.push(
      '',
      `## ${stream}`,
      '',
      `Dead letters: \`${keys.deadLetters(stream)}\``,
      '',
      '| event | version | meaning | from | for others |',
      '|---|---|---|---|---|',
    );
    for (const type of EVENT_TYPES) {
      const entry = catalog[type];
      if (entry.stream !== stream) continue;
      const outward = 'outward' in entry ? entry.outward : '';
      parts.push(`| \`${type}\` | ${entry.version} | ${entry.meaning} | ${entry.from} | ${outward} |`);
    }
  }
  return `${parts.join('\n')}\n`;
}
