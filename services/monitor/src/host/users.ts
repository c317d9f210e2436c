import { readFileSync } from 'node:fs';
import { ConfigError, type OpsConfig } from '@ops/shared/config';

/**
 * The numbers of the users that `guard.runaway.never` names. A name that this host does not know stops the start: a rule of
 * protection that protects nobody must not pass for one.
 */
export function neverUsers(never: OpsConfig['guard']['runaway']['never'], passwd = '/etc/passwd'): number[] {
  const known = new Map(
    linesOf(passwd).map((line) => {
      const [name = '', , uid] = line.split(':');
      return [name, Number(uid)];
    }),
  );
  return never.flatMap((rule, index) => {
    if (typeof rule === 'string' || !('user' in rule)) return [];
    const uid = typeof rule.user === 'number' ? rule.user : known.get(rule.user);
    if (uid !== undefined && Number.isInteger(uid)) return [uid];
    const found = `guard.runaway.never[${index}].user: ${JSON.stringify(rule.user)}`;
    throw new ConfigError('ops.yaml', [`${found}: expected a user of ${passwd}, or the number of one`]);
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch {
    return [];
  }
}
