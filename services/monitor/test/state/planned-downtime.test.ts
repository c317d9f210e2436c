import { parseConfig } from '@ops/shared/config';
import { expect, test } from 'vitest';
import { PlannedDowntime } from '../../src/state/planned-downtime.js';

const { services } = parseConfig(`
inventory:
  services:
    - { name: crm, health: { tcp: { port: 1 } }, compose: { project: ./crm, service: web } }
    - { name: redis, health: { tcp: { port: 2 } } }
`).inventory;
const change = { change: 'changed', from_image: null, to_image: null };

test('a service is planned to be away while it is deployed, by its own name or as a part of its project, and no longer', () => {
  const planned = new PlannedDowntime(services);
  expect(planned.has('crm', 0)).toBe(false);
  planned.begin({ deployment_id: 'a', service: 'crm-project', services: [{ service: 'web', ...change }] }, 0);
  planned.begin({ deployment_id: 'b', service: 'redis', services: [] }, 0);
  expect(['crm', 'redis'].map((name) => planned.has(name, 1))).toEqual([true, true]);
  planned.end('a');
  planned.end('never begun');
  expect(['crm', 'redis'].map((name) => planned.has(name, 1))).toEqual([false, true]);
  // One whose end nobody heard of.
  expect(planned.has('redis', 900_000)).toBe(false);
});
