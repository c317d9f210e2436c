// Healthy is ready: the service runs, reads its streams, and has what its work needs.
// biome-ignore-all lint/style/noProcessEnv: the port is the one setting that it needs.
import { env } from 'node:process';

const address = `http://127.0.0.1:${env.OPS_PORT}/readyz`;
try {
  const response = await fetch(address, { signal: AbortSignal.timeout(4000) });
  // `docker inspect` shows it: what is missing, by service.
  process.stdout.write(`${await response.text()}\n`);
  process.exitCode = response.ok ? 0 : 1;
} catch (error) {
  process.stdout.write(`${address}: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
