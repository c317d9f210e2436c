import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { cronSupervisor } from '@ops/cron-supervisor';
import { deployer } from '@ops/deployer';
import { incident } from '@ops/incident';
import { monitor } from '@ops/monitor';
import { scaler } from '@ops/scaler';
import { loadConfig } from '@ops/shared/config';
import { ensureToken, openInstance } from '@ops/shared/embedded';
import { createLogger, type Environment, type HostedServices, hostServices, logFile, Releases } from '@ops/shared/runtime';
import { passwordsOf, redactor, Secret } from '@ops/shared/secrets';
import { say } from './output.js';

const SERVICES = [monitor, scaler, incident, deployer, cronSupervisor];

/** Runs every service in this process, on servers that it starts itself where none are given, until a signal ends it. Never returns. */
export async function hostEverything(environment: Environment, logToStderr: boolean): Promise<void> {
  const config = loadConfig(environment.configFile);
  const stopped = untilSignal();
  const { home, port } = environment;
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const logPath = join(home, 'logs', 'ops.ndjson');
  const log = createLogger(environment.logLevel, logToStderr ? process.stderr : logFile(logPath));
  const releases = new Releases(log);
  try {
    const instance = await openInstance({
      home,
      port,
      redisUrl: environment.redisUrl?.reveal(),
      databaseUrl: environment.databaseUrl?.reveal(),
      say,
    });
    releases.add('servers', () => instance.close());
    const token = environment.token ?? new Secret(await ensureToken(home));
    const hosted = await hostServices(SERVICES, {
      config,
      host: config.host ?? environment.host,
      home,
      port,
      token,
      redisUrl: secretUrl(instance.redisUrl),
      databaseUrl: secretUrl(instance.databaseUrl),
      dockerHost: environment.dockerHost,
      announce: (line) => process.stdout.write(`${line}\n`),
      ownPids: instance.pids,
      log,
    });
    releases.add('services', () => hosted.stop());
    say(`services       ${SERVICES.map(({ name }) => name).join(', ')}; log ${logToStderr ? 'on stderr' : logPath}`);
    await Promise.race([whenReady(hosted), stopped]);
    await stopped;
    say('stopping');
  } finally {
    await releases.unwind(60_000);
  }
  // Whatever a library left behind must not keep a stopped process alive.
  process.exit(0);
}

async function whenReady(hosted: HostedServices): Promise<void> {
  const patience = setTimeout(() => {
    for (const [name, reasons] of Object.entries(hosted.missing()))
      if (reasons.length > 0) say(`waiting for ${name}: ${redactor.text(reasons.join('; '))}`);
  }, 10_000);
  await hosted.ready();
  clearTimeout(patience);
  process.stdout.write(`ready ${hosted.address}\n`);
}

/** Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one forces. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const stop = () => {
      signals += 1;
      if (signals > 1) process.exit(1);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
  });
}

function secretUrl(url: string): Secret {
  redactor.add(url);
  for (const password of passwordsOf(url)) redactor.add(password);
  return new Secret(url);
}
