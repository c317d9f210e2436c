import { readdir, readFile, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';

const CLIENT = /^(?:docker|docker-compose|podman|nerdctl|ctop|lazydocker)$/;

/**
 * Who may have asked the engine for something just now: the command-line clients that run at this moment, with user and verb, those
 * with the highest pid first. The engine does not say who asked. Never an argument behind the verb: it may be a secret.
 */
export async function dockerClients(): Promise<readonly string[]> {
  const pids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: string[] = [];
  // Whoever has just begun is as a rule the last, and may be gone in a moment.
  for (const pid of pids.sort((a, b) => b - a)) {
    const client = await clientOf(pid);
    if (client !== undefined) found.push(client);
  }
  return found;
}

async function clientOf(pid: number): Promise<string | undefined> {
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim();
  if (!CLIENT.test(name)) return undefined;
  const [, first = '', second = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const verb = [first, second].find((word) => /^[a-z][a-z-]*$/.test(word)) ?? '';
  const uid = (await stat(`/proc/${pid}`).catch(() => undefined))?.uid;
  return uid === undefined ? undefined : `${await userName(uid)}: ${name} ${verb}`.trim().concat(` (pid ${pid})`);
}

async function userName(uid: number): Promise<string> {
  if (uid === process.getuid?.()) return userInfo().username;
  const line = (await readFile('/etc/passwd', 'utf8').catch(() => ''))
    .split('\n')
    .find((one) => one.split(':')[2] === String(uid));
  return line?.split(':')[0] ?? `uid ${uid}`;
}
