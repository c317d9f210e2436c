import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

// A server runs as another user at times, who could read its environment: it gets the few names that it needs, no secret.
const PASSED_ON = [
  'PATH',
  'LANG',
  'TZ',
  'TMPDIR',
  'DOCKER_HOST',
  'DOCKER_CONFIG',
  'DOCKER_CERT_PATH',
  'DOCKER_TLS_VERIFY',
  'OPS_TEST_RUN',
];

/** The environment for a server that we start: nothing of ours that it does not need. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {};
  for (const name of PASSED_ON) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

/** The full path of the first of these programs that is on the PATH, or undefined. */
export function findOnPath(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  for (const name of names) {
    for (const folder of folders) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  return undefined;
}
