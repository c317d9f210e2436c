import { eventually } from '@ops/shared/testing';
import { expect, test } from 'vitest';
import { OpenClawSource } from '../../src/sources/openclaw/openclaw-source.js';
import { describeOpenClaw } from './contract/describe-openclaw.js';
import { RealLegacy } from './real/real-legacy.js';
import { RealModern } from './real/real-modern.js';
import { Told } from './told.js';

// `npm run test:openclaw`: the contract, against OpenClaw itself.
const { OPS_TEST_OPENCLAW: modern, OPS_TEST_OPENCLAW_LEGACY: legacy } = process.env;

if (modern !== undefined) {
  describeOpenClaw('OpenClaw 2026.9.6', () => RealModern.start(modern), 20_000);

  test('OpenClaw 2026.9.6 tries a scheduled run again that took too long, when it is said to, and none that was killed', async () => {
    const gateway = await RealModern.start(modern);
    process.env.TEST_REAL_TOKEN = gateway.token;
    const source = new OpenClawSource({
      name: 'openclaw',
      url: `ws://127.0.0.1:${gateway.proxy.port}`,
      token_env: 'TEST_REAL_TOKEN',
    });
    const told = new Told();
    try {
      source.open(told);
      await eventually(() => expect(source.state.kind).toBe('connected'));
      const job = await gateway.addOverlong(3_600_000, Date.now() + 3000);
      await source.list();
      await eventually(() => expect(told.reports).toHaveLength(1), { within: 30_000 });
      expect(told.reports[0]).toMatchObject({ word: 'error', error_kind: 'timeout' });
      const due = await source.ownRetryAt(job);
      expect(due).toBeGreaterThan(Date.now() + 20_000);
      expect(due).toBeLessThan(Date.now() + 35_000);
      await eventually(() => expect(told.begun).toHaveLength(2), { within: 45_000 });
      const again = told.begun[1];
      expect(Math.abs((again?.started_at ?? 0) - (due ?? 0))).toBeLessThan(3000);
      if (again !== undefined) expect(await source.kill(again, 'gentle')).toMatchObject({ kind: 'sent' });
      await eventually(() => expect(told.reports).toHaveLength(2));
      expect(told.reports[1]).toMatchObject({ word: 'error', error: 'supervisor: exceeded 2x expected' });
      expect(await source.ownRetryAt(job)).toBeUndefined();
    } finally {
      await source.close();
      await gateway.close();
    }
  }, 180_000);
}

// What the user of a gateway of February 2026 has; where somebody has installed one.
if (legacy !== undefined) describeOpenClaw('OpenClaw 2026.2.2-3', () => RealLegacy.start(legacy), 60_000);
