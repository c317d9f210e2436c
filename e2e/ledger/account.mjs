import { closeSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';

const ACCEPTED = 'accepted.txt';
const CALLED = 'called.txt';

/** What a producer has given to `publish`, and what it was told is accepted: lines of `<subject> <seq>`. */
export async function openAccount(folder) {
  cutUnfinished(join(folder, ACCEPTED));
  cutUnfinished(join(folder, CALLED));
  const accepted = await open(join(folder, ACCEPTED), 'a');
  const called = openSync(join(folder, CALLED), 'a');
  let [waiting, told, writing] = [[], [], undefined];
  const write = async () => {
    while (waiting.length > 0) {
      const [lines, resolves] = [waiting, told];
      [waiting, told] = [[], []];
      await accepted.appendFile(lines.join(''));
      await accepted.datasync();
      for (const resolve of resolves) resolve();
    }
    writing = undefined;
  };
  return {
    call: (subject, seq) => writeSync(called, `${subject} ${seq}\n`),
    /** Resolves when it is on disk; calls share a sync. */
    accept: (subject, seq) =>
      new Promise((resolve) => {
        waiting.push(`${subject} ${seq}\n`);
        told.push(resolve);
        writing ??= write();
      }),
    close: async () => {
      await writing;
      await accepted.close();
      closeSync(called);
    },
  };
}

/** Reads an account: `accepted` and `called` as lists of [subject, seq]. */
export function readAccount(folder) {
  const read = (name) =>
    (textOf(join(folder, name)).match(/.*\n/g) ?? []).map((line) => {
      const [subject, seq] = line.trim().split(' ');
      return [subject, Number(seq)];
    });
  return { accepted: read(ACCEPTED), called: read(CALLED) };
}

function cutUnfinished(path) {
  const text = textOf(path);
  const whole = text.lastIndexOf('\n') + 1;
  if (whole < text.length) truncateSync(path, whole);
}

function textOf(path) {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
