import { defineConfig } from 'vitest/config';

// One project a package, so that `vitest --project monitor` runs one room of the house.
// Most tests wait for servers: two files at a time fill the time, more would disturb what measures the host. The whole system comes by
// itself, one file after the other: it puts real load on the host.
const [PARTS, WHOLE] = [
  { order: 0, workers: 2 },
  { order: 1, workers: 1 },
];
// What only a long proof runs is in files of its own (`npm run proof:*`), and so is what needs a real gateway (`npm run test:openclaw`).
const include = [
  'test/**/*.test.ts',
  ...(process.env.OPS_PROOF_ROUNDS === undefined ? [] : ['test/**/*.proof.ts']),
  ...(process.env.OPS_TEST_OPENCLAW === undefined ? [] : ['test/**/*.openclaw.ts']),
];
const project = (name: string, root: string, { order, workers } = PARTS) => ({
  test: {
    name,
    root,
    include,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    pool: 'forks' as const,
    maxWorkers: workers,
    sequence: { groupOrder: order },
  },
});

export default defineConfig({
  test: {
    projects: [
      project('shared', 'packages/shared'),
      project('cli', 'packages/cli'),
      project('monitor', 'services/monitor'),
      project('scaler', 'services/scaler'),
      project('incident', 'services/incident'),
      project('deployer', 'services/deployer'),
      project('cron-supervisor', 'services/cron-supervisor'),
      project('e2e', 'e2e', WHOLE),
    ],
  },
});
