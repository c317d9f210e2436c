import { createWriteStream } from 'node:fs';
import { createLogger } from '@ops/shared/runtime';

/** What every child needs: its options, its log, and an end with the process that started it. */
export function beginChild() {
  const options = JSON.parse(process.argv[2]);
  process.on('disconnect', () => process.exit(1));
  process.on('SIGINT', () => undefined);
  const file = createWriteStream(`${options.logs}/${options.alias}.log`, { flags: 'a' });
  const log = createLogger('warn', {
    write: (line) => {
      file.write(line);
      if (/"level":"(error|fatal)"/.test(line)) tell({ problem: line.trim().slice(0, 1500) });
    },
  });
  return { options, log };
}

/** Says something to the process that started this one. */
export function tell(message) {
  if (process.connected) process.send(message, () => undefined);
}
