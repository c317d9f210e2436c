import { hash, randomUUID } from 'node:crypto';
import { catalog, EVENT_TYPES, type EventDraft, type EventType, type OpsEvent, schemaName } from '../events/index.js';

/** Who publishes, and from where. */
export interface Origin {
  readonly service: string;
  readonly host: string;
}

const SCHEMAS = Object.fromEntries(EVENT_TYPES.map((type) => [type, schemaName(type, catalog[type].version)])) as Record<
  EventType,
  string
>;

/**
 * A draft as an event. What is caused by another event gets an id made from the cause, the publisher and the draft's
 * place: when the handler runs again, its outputs have the same ids and are absorbed.
 *
 * @param now epoch ms
 */
export function stamp(draft: EventDraft, origin: Origin, now: number, cause?: { event: OpsEvent; index: number }): OpsEvent {
  const source = `/ops/${origin.service}`;
  const seed =
    draft.purpose !== undefined
      ? [draft.type, draft.purpose]
      : cause === undefined
        ? undefined
        : [cause.event.source, cause.event.id, draft.type, draft.subject, String(cause.index)];
  const id = seed === undefined ? randomUUID() : hash('sha256', seed.join('\n')).slice(0, 32);
  const actor = draft.actor ?? cause?.event.actor;
  const traceparent = cause?.event.traceparent;
  return {
    specversion: '1.0',
    id,
    source,
    type: draft.type,
    subject: draft.subject,
    time: isoOf(draft.at ?? now),
    datacontenttype: 'application/json',
    dataschema: SCHEMAS[draft.type],
    correlationid: cause?.event.correlationid ?? cause?.event.id ?? id,
    ...(cause === undefined ? {} : { causationid: `${cause.event.source}/${cause.event.id}` }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(actor === undefined ? {} : { actor }),
    host: draft.host ?? origin.host,
    data: draft.data,
  } as OpsEvent;
}

// Many events have the millisecond of the one before.
let known = { at: 0, iso: new Date(0).toISOString() };

function isoOf(at: number): string {
  if (at !== known.at) known = { at, iso: new Date(at).toISOString() };
  return known.iso;
}
