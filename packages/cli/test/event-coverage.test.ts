import { cronSupervisor } from '@ops/cron-supervisor';
import { deployer } from '@ops/deployer';
import { incident } from '@ops/incident';
import { monitor } from '@ops/monitor';
import { scaler } from '@ops/scaler';
import { catalog, EVENT_TYPES } from '@ops/shared/events';
import { testHost } from '@ops/shared/testing';
import { expect, test } from 'vitest';

test('every event of the catalog is handled by a service, or declared for readers outside', async () => {
  const handled = new Set<string>();
  const host = await testHost(
    [monitor, scaler, incident, deployer, cronSupervisor].map((definition) => ({
      ...definition,
      async wire(context) {
        const wiring = await definition.wire(context);
        for (const type of Object.keys(wiring.on)) handled.add(type);
        return wiring;
      },
    })),
  );
  await host.close();
  const unheard = EVENT_TYPES.filter((type) => !handled.has(type) && !('outward' in catalog[type]));
  expect(unheard).toEqual([]);
  expect([...handled].filter((type) => !(type in catalog))).toEqual([]);
});
