import { type DestinationStream, type Logger, pino } from 'pino';
import { redactor } from '../secrets/index.js';
import type { LOG_LEVELS } from './log-levels.js';

export type { Logger } from 'pino';

/** The logger: one JSON record a line, scrubbed as a whole on its way out, so that no field can be forgotten. */
export function createLogger(level: (typeof LOG_LEVELS)[number], to: DestinationStream = process.stderr): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: {
        level: (label) => ({ level: label }),
        log: (record) =>
          isFlat(record) ? redactor.data(record, undefined) : (redactor.value(record) as Record<string, unknown>),
      },
    },
    { write: (line) => to.write(redactor.text(line)) },
  );
}

// Words and figures only, as nearly all records are: one look tells that there is nothing to hide.
function isFlat(record: Record<string, unknown>): boolean {
  for (const key in record) if (typeof record[key] === 'object' && record[key] !== null) return false;
  return true;
}

/** A log file that is appended to, for its owner only; its folder is made. Each line is written before the call returns. */
export function logFile(path: string): DestinationStream {
  return pino.destination({ dest: path, mkdir: true, append: true, sync: true, mode: 0o600 });
}
