// The first process of a container: starts the service that SERVICE names.
// biome-ignore-all lint/style/noProcessEnv: this prepares the environment that the service's own env.ts reads.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';

const service = env.SERVICE ?? '';
const main = new URL(`../services/${service}/dist/main.js`, import.meta.url);
if (!/^[a-z][a-z-]*$/.test(service) || !existsSync(main)) {
  process.stderr.write(`SERVICE: ${JSON.stringify(service)}: expected the name of a service of this image\n`);
  process.exit(1);
}
if (env.OPS_BIND && env.OPS_CONFIG) env.OPS_CONFIG = listeningOn(env.OPS_BIND, env.OPS_CONFIG);
await import(main.href);

// ops.yaml is one file for the host and for every container, and says loopback. In a network of its own a container is
// reached only at its own address; which addresses of the host lead there is what Compose publishes.
function listeningOn(address, file) {
  if (!existsSync(file)) return file;
  const { parseDocument } = createRequire(new URL('../packages/shared/package.json', import.meta.url))('yaml');
  const document = parseDocument(readFileSync(file, 'utf8'));
  // A file with mistakes goes to the service as it is: it knows how to name them.
  if (document.errors.length > 0) return file;
  document.setIn(['http', 'bind'], address);
  const changed = join(tmpdir(), 'ops.yaml');
  writeFileSync(changed, document.toString());
  return changed;
}
