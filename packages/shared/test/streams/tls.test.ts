import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, freePort, type OwnRedis, ownRedis, withClient } from '../../src/testing/index.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'ops-tls-'));
const certificate = join(folder, 'certificate.pem');
const key = join(folder, 'key.pem');
const password = 'a-password-of-the-test';
const servers: OwnRedis[] = [];
let port: number;
let sentinelPort: number;
let clusterPort: number;

const tls = (tlsPort: number) => [
  `tls-port ${tlsPort}`,
  `tls-cert-file ${certificate}`,
  `tls-key-file ${key}`,
  `tls-ca-cert-file ${certificate}`,
  'tls-auth-clients no',
];

/** What a process of its own says that asks over TLS; which authorities it trusts is settled when it starts. */
function ask(url: string, trusting = true): string {
  const script = `
    import { openClient } from './dist/streams/index.js';
    const client = openClient(process.env.URL, 'test');
    await client.set('a', 'over TLS').then(() => client.get('a')).then(console.log, (error) => console.log(error.message));
    client.disconnect();`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: PACKAGE,
    env: { PATH: process.env.PATH, URL: url, ...(trusting ? { NODE_EXTRA_CA_CERTS: certificate } : {}) },
    encoding: 'utf8',
    timeout: 30_000,
  }).trim();
}

describe.skipIf(spawnSync('openssl', ['version']).status !== 0)('with a certificate of our own', () => {
  beforeAll(async () => {
    const config = join(folder, 'openssl.cnf');
    writeFileSync(
      config,
      '[req]\ndistinguished_name=name\nx509_extensions=more\nprompt=no\n[name]\nCN=localhost\n[more]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n',
    );
    const args = [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-config',
      config,
      '-keyout',
      key,
      '-out',
      certificate,
    ];
    execFileSync('openssl', args, { stdio: 'ignore' });
    port = await freePort();
    sentinelPort = await freePort();
    clusterPort = await freePort();
    servers.push(await ownRedis({ password, lines: tls(port) }));
    const watch = [`sentinel monitor main 127.0.0.1 ${port} 1`, `sentinel auth-pass main ${password}`, 'tls-replication yes'];
    servers.push(await ownRedis({ password, sentinel: true, lines: [...tls(sentinelPort), ...watch] }));
    const bus = await freePort();
    const member = ['cluster-enabled yes', `cluster-port ${bus}`, 'tls-cluster yes', 'cluster-announce-ip 127.0.0.1'];
    const node = await ownRedis({ password, lines: [...tls(clusterPort), ...member] });
    servers.push(node);
    await withClient(node.url, async (redis) => {
      await redis.call('CLUSTER', 'ADDSLOTSRANGE', 0, 16_383);
      await eventually(async () => expect(String(await redis.call('CLUSTER', 'INFO'))).toContain('cluster_state:ok'));
    });
  });
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.close()));
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ['one server', () => `rediss://default:${password}@localhost:${port}`],
    ['Sentinels', () => `rediss+sentinel://default:${password}@localhost:${sentinelPort}/main?sentinel_password=${password}`],
    ['a Cluster', () => `rediss+cluster://default:${password}@localhost:${clusterPort}`],
  ])('%s over TLS', (_what, url) => {
    expect(ask(url())).toBe('over TLS');
  });

  it('a certificate of an authority that nobody trusts is refused', () => {
    expect(ask(`rediss://default:${password}@localhost:${port}`, false)).not.toBe('over TLS');
  });
});
