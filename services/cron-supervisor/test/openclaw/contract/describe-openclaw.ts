import { afterAll, afterEach, beforeAll, beforeEach, describe } from 'vitest';
import type { GatewayUnderTest } from './gateway-under-test.js';
import { promiseOutages } from './outages.js';
import { Rig } from './rig.js';
import { promiseRuns } from './runs.js';

/**
 * What the OpenClaw source promises, whatever gateway it speaks to.
 *
 * @param within how long a condition is waited for, ms
 */
export function describeOpenClaw(name: string, openGateway: () => Promise<GatewayUnderTest>, within = 10_000): void {
  describe(name, () => {
    const rig = new Rig(within);
    beforeAll(async () => rig.begin(await openGateway()));
    afterAll(() => rig.gateway.close());
    beforeEach(() => rig.connect());
    afterEach(() => rig.clear());
    promiseRuns(rig);
    promiseOutages(rig);
  });
}
