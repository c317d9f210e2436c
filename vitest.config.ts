import { defineConfig } from 'vitest/config';

// One project a package, so that `vitest --project monitor` runs one room of the house.
// e2e runs by itself: it puts real load on the host, which would disturb the others.
// What only a long proof runs is in files of its own (`npm run proof:*`), and so is what needs a real gateway (`npm run test:openclaw`).
const include = [
  'test/**/*.test.ts',
  ...(process.env.OPS_PROOF_ROUNDS === undefined ? [] : ['test/**/*.proof.ts']),
  ...(process.env.OPS_TEST_OPENCLAW === undefined ? [] : ['test/**/*.openclaw.ts']),
];
const project = (name: string, root: string) => ({
  test: { name, root, include, testTimeout: 60_000, hookTimeout: 120_000, pool: 'forks' as const },
});

export default defineConfig({
  test: {
    // Most tests wait for servers: two at a time fill the time, more would disturb what measures the host.
    maxWorkers: 2,
    projects: [
      project('shared', 'packages/shared'),
      project('cli', 'packages/cli'),
      project('monitor', 'services/monitor'),
      project('scaler', 'services/scaler'),
      project('incident', 'services/incident'),
      project('deployer', 'services/deployer'),
      project('cron-supervisor', 'services/cron-supervisor'),
      project('e2e', 'e2e'),
    ],
  },
});
