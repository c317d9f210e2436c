import { catalogEntry, EVENT_TYPES, type EventType } from '../../events/index.js';

const TYPES: ReadonlySet<string> = new Set(EVENT_TYPES.filter((type) => catalogEntry(type)?.confirmed === true));
// Inside a string of an event the quotes would be escaped.
const MARKS = [...TYPES].map((type) => `"type":${JSON.stringify(type)}`);

/** Whether replicas must confirm events of this type. */
export function isConfirmedType(type: EventType): boolean {
  return TYPES.has(type);
}

/** The same of an encoded event. One too many costs a confirmation, no more. */
export function isConfirmed(text: string): boolean {
  return MARKS.some((mark) => text.includes(mark));
}
