import { z } from 'zod';
import { duration } from './units.js';

const hook = z
  .strictObject({ command: z.array(z.string().min(1)).min(1), within: duration('60s', 100, 3_600_000) })
  .describe('A program and its arguments, run in the project folder; no shell');

const database = z
  .strictObject({
    service: z.string().min(1).describe('The service of the same Compose project that runs PostgreSQL'),
    // Its names while it is restored are longer: <name>_failed_<8 digits>, and PostgreSQL cuts at 63.
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,46}$/, 'the name of a database: at most 47 letters, digits, _ and -')
      .refine((name) => !/^template[01]$/.test(name), 'a database of an application'),
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_-]{0,62}$/, 'the name of a role: letters, digits, _ and -')
      .default('postgres')
      .describe('A role that may create databases and end sessions: a superuser'),
  })
  .describe('Dumped, and the dump read back, before a schema change; restored where that fails');

/** What is particular about the deployments of one service. */
export const serviceDeploy = z.strictObject({
  two_versions: z
    .boolean()
    .default(false)
    .describe(
      'Old and new may run side by side: the new one is started before the old one is stopped, where ports, names and volumes allow it',
    ),
  hooks: z
    .strictObject({
      pre_deploy: hook.optional(),
      post_deploy: hook.optional(),
      pre_rollback: hook.optional(),
      post_rollback: hook.optional(),
    })
    .prefault({}),
  database: database.optional(),
});

const remediation = z
  .strictObject({
    first_pause: duration('30s', 100, 86_400_000).describe('From the end of the first such restart to the next one'),
    factor: z.number().min(1).max(10).default(2).describe('Each further pause is so many times as long'),
    longest_pause: duration('15m', 100, 86_400_000),
    ceiling: z.int().min(1).max(1000).default(5).describe('So many are carried out within `within`; further ones are blocked'),
    within: duration('1h', 1000, 7 * 86_400_000).describe('After so long without one it begins anew'),
  })
  .refine(({ first_pause, longest_pause }) => first_pause <= longest_pause, {
    path: ['longest_pause'],
    error: 'at least first_pause',
  })
  .refine(({ longest_pause, within }) => longest_pause <= within, { path: ['within'], error: 'at least longest_pause' })
  .prefault({})
  .describe('Restarts of a service that software asks for (`remediation: true`)');

/** How deployments are proven, watched and kept. */
export const deployConfig = z
  .strictObject({
    verify: z
      .strictObject({
        within: duration('60s', 1000, 3_600_000).describe('Not proven healthy by then is a failure'),
        healthy_for: duration('2s', 0, 600_000).describe('So long every service must be healthy without a break'),
      })
      .prefault({}),
    watch: z
      .strictObject({
        for: duration('5m', 0, 86_400_000),
        failures: z.int().min(1).max(100).default(3).describe('Failed checks in a row before it is rolled back'),
        every: duration('1s', 100, 60_000),
      })
      .prefault({}),
    defer: z
      .strictObject({ every: duration('30s', 100, 3_600_000), give_up_after: duration('6h', 1000) })
      .prefault({})
      .describe('While the guard or a freeze holds deployments'),
    requests: z
      .strictObject({
        signature: z.enum(['optional', 'required']).default('optional'),
        token_env: z
          .string()
          .regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable')
          .optional(),
        token_file: z.string().min(1).optional(),
        max_age: duration('5m', 1000, 86_400_000).describe('An older signature is refused'),
      })
      .refine(({ signature, token_env, token_file }) => signature === 'optional' || (token_env ?? token_file) !== undefined, {
        path: ['token_env'],
        error: 'token_env or token_file: the secret that requests are signed with',
      })
      .prefault({})
      .describe('Requests signed with HMAC-SHA256; docs/deployments.md tells how'),
    remediation,
    guard_unknown_for: duration('15s', 0, 600_000).describe(
      'A guard that is unknown for longer blocks: it may only have been started',
    ),
    approve_within: duration('24h', 1000),
    keep: z.int().min(1).max(100).default(5).describe('Releases of a project that one can go back to'),
    min_free_disk: z.int().min(0).default(512).describe('MB that must be left where Docker and OPS_HOME keep their data'),
  })
  .prefault({});
