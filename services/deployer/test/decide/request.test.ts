import { parseConfig } from '@ops/shared/config';
import { describe, expect, test } from 'vitest';
import { judgeRequest } from '../../src/decide/request.js';

const { services } = parseConfig(
  `inventory:
  services:
    - { name: crm, health: { tcp: { port: 1 } }, compose: { project: /srv/crm, service: app } }
    - { name: worker, health: { tcp: { port: 1 } }, compose: { project: /srv/crm, service: worker } }
    - { name: redis, health: { tcp: { port: 1 } } }`,
).inventory;
const judge = (data: Record<string, unknown>) => judgeRequest(data as { kind: string }, services);
const refused = (data: Record<string, unknown>) => {
  const judged = judge(data);
  return judged.ok ? 'taken' : judged.findings.map(({ code, where }) => `${code} ${where}`).join(', ');
};

describe('a request', () => {
  test('for a service or a project of the inventory is taken, with its folder and its services', () => {
    expect(judge({ kind: 'compose', service: 'crm' })).toMatchObject({
      ok: true,
      request: { folder: '/srv/crm', services: ['app'], about: 'crm' },
    });
    expect(judge({ kind: 'compose', project: 'crm' })).toMatchObject({
      ok: true,
      request: { folder: '/srv/crm', services: [], about: 'crm' },
    });
    expect(judge({ kind: 'config', service: 'crm', config_files: ['etc/../a.conf', '/srv/crm/b.conf'] })).toMatchObject({
      ok: true,
      request: { configFiles: ['/srv/crm/a.conf', '/srv/crm/b.conf'] },
    });
  });

  test.each([
    ['an unknown service', { kind: 'compose', service: 'none' }, 'unknown-service data.service'],
    ['an unknown project', { kind: 'compose', project: 'none' }, 'unknown-project data.project'],
    ['a service without a project', { kind: 'compose', service: 'redis' }, 'not-deployable data.service'],
    ['neither service nor project', { kind: 'compose' }, 'bad-request data'],
    ['both', { kind: 'compose', service: 'crm', project: 'crm' }, 'bad-request data'],
    ['remediation that is no restart', { kind: 'compose', service: 'crm', remediation: true }, 'bad-request data.remediation'],
    ['an unknown kind', { kind: 'explode', service: 'crm' }, 'bad-request data.kind'],
    [
      'a file outside',
      { kind: 'compose', service: 'crm', compose_files: ['../x.yaml'] },
      'outside-project data.compose_files[0]',
    ],
    [
      'a file beside',
      { kind: 'compose', service: 'crm', compose_files: ['/srv/crm-other/x.yaml'] },
      'outside-project data.compose_files[0]',
    ],
    [
      'an absolute path elsewhere',
      { kind: 'config', service: 'crm', config_files: ['/etc/passwd'] },
      'outside-project data.config_files[0]',
    ],
    ['the folder itself', { kind: 'config', service: 'crm', config_files: ['.'] }, 'outside-project data.config_files[0]'],
    [
      'a path with a zero byte',
      { kind: 'config', service: 'crm', config_files: ['a\0b'] },
      'outside-project data.config_files[0]',
    ],
    ['an image without kind image', { kind: 'compose', service: 'crm', image: 'a:1' }, 'bad-request data.image'],
    ['kind image without an image', { kind: 'image', service: 'crm' }, 'bad-image data.image'],
    ['kind image for a project', { kind: 'image', project: 'crm', image: 'a:1' }, 'bad-request data.service'],
    ['too many files', { kind: 'compose', service: 'crm', compose_files: Array(21).fill('a') }, 'bad-request data.compose_files'],
    ['a release without a rollback', { kind: 'compose', service: 'crm', release: 'a' }, 'bad-request data.release'],
  ])('with %s is refused', (_what, data, findings) => {
    expect(refused(data)).toBe(findings);
  });

  test.each([
    'crm',
    'crm:1.2',
    'ghcr.io/me/crm:v1',
    'localhost:5000/crm',
    `crm@sha256:${'a'.repeat(64)}`,
    `a/b:c@sha256:${'0'.repeat(64)}`,
  ])('may ask for the image %s', (image) => expect(refused({ kind: 'image', service: 'crm', image })).toBe('taken'));
  test.each(['', 'CRM', 'crm:', 'crm@sha256:123', 'a b', '--privileged', '-v', 'crm;rm', 'http://x/y', '../x', 'x'.repeat(600)])(
    'may not ask for the image %j',
    (image) => expect(refused({ kind: 'image', service: 'crm', image })).toMatch(/^bad-(?:image|request) data.image$/),
  );
});
