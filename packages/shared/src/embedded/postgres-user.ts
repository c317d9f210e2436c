import { execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';
import { findOnPath, serverEnvironment } from './env.js';

const run = promisify(execFile);
const OWN_USER = 'ops-postgres';

export interface SystemUser {
  name: string;
  uid: number;
  gid: number;
}

/** The user that PostgreSQL runs as: it refuses root. Undefined when we are not root, and it runs as we do. */
export async function postgresUser(): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const known = (await lookUp('postgres')) ?? (await lookUp(OWN_USER));
  if (known !== undefined) return known;
  const useradd = findOnPath('useradd');
  if (useradd !== undefined) {
    const args = [
      '--system',
      '--user-group',
      '--no-create-home',
      '--home-dir',
      '/nonexistent',
      '--shell',
      '/usr/sbin/nologin',
      OWN_USER,
    ];
    await run(useradd, args).catch(() => undefined);
  }
  return (await lookUp(OWN_USER)) ?? (await lookUp('nobody')) ?? { name: '65534', uid: 65_534, gid: 65_534 };
}

/** Asks the system itself, as that user: modes, access lists and mount options all have a say in it. */
export function may(user: SystemUser, flag: '-r' | '-w' | '-x', path: string): Promise<boolean> {
  const { uid, gid } = user;
  return new Promise((resolve) => {
    const child = spawn('/bin/sh', ['-c', 'test "$1" "$2"', 'may', flag, path], {
      uid,
      gid,
      cwd: '/',
      stdio: 'ignore',
      env: serverEnvironment(),
    });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });
}

async function lookUp(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}
