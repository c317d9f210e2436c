import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clearEngine, docker, makeImage } from '../deploy/engine.mjs';
import { freePort } from '../service-process.mjs';

const SCRIPT =
  'mkdir -p /www; echo "ok 1" > /www/health; echo "ok 1" > /www/metrics; httpd -p 8080 -h /www; while :; do sleep 60; done';

/** Whether somebody has given us a Docker engine that answers. */
export async function engineAnswers() {
  if (!process.env.DOCKER_HOST) return false;
  return docker('version').then(
    () => true,
    () => false,
  );
}

/** Containers that each serve one page, as the services of services.mjs are: by their port, and the pid of their first process. */
export async function startContainers(folder, count) {
  const prefix = `ops-bench-guard-${randomBytes(3).toString('hex')}`;
  const clear = () => clearEngine(prefix);
  try {
    await makeImage(`${prefix}-page`, SCRIPT);
    const services = [];
    for (let index = 0; index < count; index += 1) {
      const [name, port] = [`${prefix}-${index}`, await freePort()];
      await docker('run', '--detach', '--name', name, '--publish', `127.0.0.1:${port}:8080`, `${prefix}-page`);
      const pid = Number(await docker('inspect', '--format', '{{.State.Pid}}', name));
      const pidFile = join(folder, `${name}.pid`);
      writeFileSync(pidFile, `${pid}\n`);
      services.push({ name, port, pid, pidFile, container: name, kill: () => process.kill(pid, 'SIGKILL') });
    }
    return { services, clear };
  } catch (error) {
    await clear();
    throw error;
  }
}
