import type { Decoded } from '@ops/shared/events';
import { redactor } from '@ops/shared/secrets';
import pc from 'picocolors';
import { type Format, printData } from './output.js';

/** An entry as data, without secrets: the event, or why it cannot be read. */
export function shownEvent(stream: string, id: string, decoded: Decoded): unknown {
  return redactor.value(decoded.ok ? { stream, entry: id, ...decoded.event } : { stream, entry: id, invalid: decoded.rejection });
}

/** Prints an entry: one line for a person, or data. */
export function printEvent(format: Format, stream: string, id: string, decoded: Decoded): void {
  printData(format === 'json' ? 'ndjson' : format, shownEvent(stream, id, decoded), () => {
    const time = new Date(Number.parseInt(id, 10)).toISOString().slice(11, 23);
    if (!decoded.ok) return `${time} ${pc.red(`${stream} ${id} cannot be read: ${decoded.rejection.code}`)}`;
    const { type, subject, correlationid, data } = decoded.event;
    return `${pc.dim(time)} ${pc.cyan(type.padEnd(22))} ${subject.padEnd(18)} ${pc.dim((correlationid ?? '').slice(0, 8).padEnd(8))} ${redactor.text(JSON.stringify(data)).slice(0, 160)}`;
  });
}
